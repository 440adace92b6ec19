import { clearLine, cursorTo, type Interface } from 'node:readline';
import type { Client } from '@reeve/client';
import { routes, type BodyInputOf, type RunEvent } from '@reeve/contract';
import { shownDecision } from './approval-view.ts';
import { failureOf } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { dim, note, printable } from '../output.ts';
import { shownQuestion } from './run-view.ts';

/*
 * Questions about the tool calls of one run, put to the person at the terminal, one at a time:
 *
 *   waiting ──turn──► open ──answer──► decided
 *      │               ├──later──► left, with all that wait
 *      └───────────────┴──somebody else decides, or the run ends──► gone
 */

type Asked = Extract<RunEvent, { type: 'approval_required' }>;
type Answer = BodyInputOf<typeof routes.decideApproval>;

export interface AskerOptions {
  /** The lines that the person types; asked for when there is a question, and given back after it. */
  readonly open: () => Interface;
  readonly close: (lines: Interface) => void;
  /** The person decides some other time. */
  readonly later: () => void;
}

const CHOICES = {
  tool_call: '[y]es, [n]o, [e]dit the input, [l]ater; a reason may follow: ',
  tool_outcome: '[y] call it again, [n] skip it, [r]esult by hand, [l]ater; a reason may follow: ',
} as const;

const HELP = {
  tool_call:
    'y makes the call, n does not and tells the agent so, e lets you change its input, l leaves the run waiting.',
  tool_outcome:
    'y makes the call again, so what it does may happen twice; n does not, and the agent is told that the outcome is unknown; r takes the result that you give; l leaves the run waiting.',
} as const;

/** Shows a run's events with `view`, asks the person what the run asks, and sends what they decide. */
export function createAsker(
  io: CommandIo,
  client: Client,
  view: (event: RunEvent) => void,
  { open, close, later }: AskerOptions,
): (event: RunEvent) => void {
  const waiting: Asked[] = [];
  let current: { readonly asked: Asked; readonly lines: Interface; readonly over: AbortController } | undefined;

  function next(): void {
    const asked = current === undefined ? waiting.shift() : undefined;
    if (asked === undefined) return;
    const lines = open();
    const over = new AbortController();
    current = { asked, lines, over };
    note(io, printable(shownQuestion(asked)));
    void ask(io, client, lines, asked, over.signal).then((answered) => {
      current = undefined;
      close(lines);
      if (answered === 'later') {
        waiting.length = 0;
        later();
      }
      next();
    });
  }

  function forget(approvalId?: string): void {
    const isGone = (asked: Asked) => approvalId === undefined || asked.approval_id === approvalId;
    for (const asked of waiting.filter(isGone)) waiting.splice(waiting.indexOf(asked), 1);
    if (current !== undefined && isGone(current.asked)) current.over.abort();
  }

  return (event) => {
    const isOpen = current !== undefined;
    if (isOpen) eraseLine(io);
    view(event);
    if (event.type === 'approval_required') waiting.push(event);
    if (event.type === 'approval_decided') forget(event.approval_id);
    if (event.type === 'session_end') forget();
    if (isOpen && current?.over.signal.aborted === false) current.lines.prompt(true);
    next();
  };
}

/** Asks until there is an answer that the server takes, or somebody else has decided. */
async function ask(
  io: CommandIo,
  client: Client,
  lines: Interface,
  asked: Asked,
  over: AbortSignal,
): Promise<'decided' | 'later'> {
  for (;;) {
    const line = await question(lines, CHOICES[asked.kind], over);
    if (over.aborted) return 'decided';
    if (line === undefined) return 'later';
    const [, choice, reason] = /^\s*(\w*)\s*(.*)$/s.exec(line.trim())!;
    if (/^l(ater)?$/i.test(choice!)) return 'later';
    const answer = await answerOf(io, lines, asked, choice!.toLowerCase(), reason || undefined, over);
    if (over.aborted) return 'decided';
    if (answer === undefined) continue;
    try {
      const approval = await client.call(routes.decideApproval, { params: { id: asked.approval_id }, body: answer });
      note(io, dim(printable(shownDecision(approval)), io.stderr));
      return 'decided';
    } catch (error) {
      const { code, message } = await failureOf(io, error);
      note(io, `reeve: ${printable(message)}`);
      if (code === 'conflict') return 'decided';
      if (code !== 'invalid_request') return 'later';
    }
  }
}

/** The decision that a choice means; undefined where there is none yet, and the person was told why. */
async function answerOf(
  io: CommandIo,
  lines: Interface,
  { kind, input }: Asked,
  choice: string,
  reason: string | undefined,
  over: AbortSignal,
): Promise<Answer | undefined> {
  if (/^y(es)?$/.test(choice)) return { decision: 'approve', reason };
  if (/^no?$/.test(choice)) return { decision: 'reject', reason };
  if (kind === 'tool_call' && /^e(dit)?$/.test(choice)) {
    const edited = await json(io, lines, 'the input: ', JSON.stringify(input), over);
    return edited && { decision: 'approve', reason, edited_input: edited.value as Record<string, unknown> };
  }
  if (kind === 'tool_outcome' && /^r(esult)?$/.test(choice)) {
    const given = await json(io, lines, 'its result, as JSON: ', '', over);
    return given && { decision: 'approve', reason, result: given.value };
  }
  note(io, HELP[kind]);
  return undefined;
}

/** JSON that the person types, or changes from what is there. */
async function json(
  io: CommandIo,
  lines: Interface,
  prompt: string,
  before: string,
  over: AbortSignal,
): Promise<{ value: unknown } | undefined> {
  const line = question(lines, prompt, over);
  lines.write(before);
  const text = await line;
  if (text === undefined) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    note(io, `reeve: it must be JSON: ${(error as Error).message}`);
    return undefined;
  }
}

/** A line that the person types; undefined where they leave, or the question is over. */
function question(lines: Interface, prompt: string, over: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const answer = (line?: string) => {
      over.removeEventListener('abort', leave);
      lines.off('close', leave);
      resolve(line);
    };
    const leave = () => answer();
    over.addEventListener('abort', leave, { once: true });
    lines.once('close', leave);
    try {
      lines.question(prompt, { signal: over }, answer);
    } catch {
      // They are closed already: nothing more is typed.
      leave();
    }
  });
}

/** Takes the open question away, so that something else can be shown in its place. */
function eraseLine(io: CommandIo): void {
  cursorTo(io.stderr, 0);
  clearLine(io.stderr, 0);
}
