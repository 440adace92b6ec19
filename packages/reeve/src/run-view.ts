import type { RunEvent } from '@reeve/contract';
import type { RunSummary } from './run-stream.ts';
import { clip, dim, note, oneLine, printable } from './output.ts';

/** How long a tool's input or output may be on its line. */
const LINE = 160;

/**
 * Shows a run's events as they come: text on stdout where that is a terminal, thinking and tools on stderr where that is
 * one. Piped, it shows nothing: the answer is printed at the end.
 */
export function createRunView(): (event: RunEvent) => void {
  const answers = process.stdout.isTTY;
  const progress = process.stderr.isTTY;
  let open: 'text' | 'thinking' | undefined;

  function stream(kind: 'text' | 'thinking', delta: string): void {
    if (open !== kind) endLine();
    open = kind;
    if (kind === 'text') process.stdout.write(printable(delta));
    else process.stderr.write(dim(printable(delta), process.stderr));
  }
  function endLine(): void {
    if (open !== undefined) (open === 'text' ? process.stdout : process.stderr).write('\n');
    open = undefined;
  }
  function tell(text: string): void {
    endLine();
    if (progress) process.stderr.write(`${dim(text, process.stderr)}\n`);
  }

  return (event) => {
    switch (event.type) {
      case 'text':
        if (answers) stream('text', event.delta);
        break;
      case 'thinking':
        if (progress) stream('thinking', event.delta);
        break;
      case 'tool_call':
        tell(`→ ${event.name} ${clip(oneLine(JSON.stringify(event.input)), LINE)}`);
        break;
      case 'tool_result':
        tell(
          `← ${event.status} ${clip(oneLine(JSON.stringify(event.output) ?? ''), LINE)} (${Math.round(event.duration_ms)} ms)`,
        );
        break;
      case 'system':
        if (event.discard_step !== undefined) tell(`(${event.message}; what it had said is void)`);
        break;
      case 'result':
        endLine();
        break;
      default:
    }
  };
}

/** A line on what a run used, for a terminal. */
export function tellUsage({ usage, steps, duration_ms, run_id, session_id }: RunSummary): void {
  if (!process.stderr.isTTY || usage === null) return;
  const cost = usage.cost_usd === null ? '' : ` · ${usage.cost_usd} USD`;
  const used = `${usage.input_tokens} tokens in, ${usage.output_tokens} out${cost} · ${steps} steps · ${(duration_ms / 1000).toFixed(1)} s`;
  process.stderr.write(`${dim(`${used} · run ${run_id} · session ${session_id}`, process.stderr)}\n`);
}

/** A line on why a run has no answer. */
export function tellFailure({ status, error }: RunSummary): void {
  note(`reeve: ${printable(error?.message ?? `the run is ${status}`)}`);
}
