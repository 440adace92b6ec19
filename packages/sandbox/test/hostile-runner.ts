import { ReeveError } from '@reeve/kit';
import type { SandboxConfig } from '../src/system/backends.ts';
import { openTestSandbox } from './remote-conformance.ts';
import type { ExecRequest, ExecResult, Language } from '../src/sandbox.ts';

/** What the tests ask of a runner: a program to run, or to stop one. */
export type RunnerRequest =
  | { readonly kind: 'exec'; readonly id: number; readonly request: ExecRequest }
  | { readonly kind: 'abort'; readonly id: number };

/** What a runner tells: that it is ready and why languages are missing, and how a program ended. */
export type RunnerMessage =
  | { readonly kind: 'ready'; readonly unavailable: Partial<Record<Language, string>> }
  | { readonly kind: 'ended'; readonly id: number; readonly result: ExecResult }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string; readonly message: string };

// The process that runs the sandbox in the hostile suite, as Reeve does, with secrets in its environment.
const sandbox = await openTestSandbox(JSON.parse(process.argv[2]!) as SandboxConfig);
const running = new Map<number, AbortController>();
process.on('message', (asked: RunnerRequest) => void answer(asked));
process.on('disconnect', () => process.exit());
tell({
  kind: 'ready',
  unavailable: Object.fromEntries(
    (['javascript', 'bash', 'python', 'node'] as const).flatMap((language) => {
      const reason = sandbox.unavailable(language);
      return reason === undefined ? [] : [[language, reason]];
    }),
  ),
});

async function answer(asked: RunnerRequest): Promise<void> {
  if (asked.kind === 'abort') return running.get(asked.id)?.abort();
  const { id, request } = asked;
  const abort = new AbortController();
  running.set(id, abort);
  try {
    tell({ kind: 'ended', id, result: await sandbox.exec(request, abort.signal) });
  } catch (error) {
    const { reason, message } = ReeveError.from(error);
    tell({ kind: 'refused', id, reason, message });
  } finally {
    running.delete(id);
  }
}

function tell(message: RunnerMessage): void {
  process.send!(message);
}
