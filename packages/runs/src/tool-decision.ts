import type { Approval, ToolOutcome } from '@reeve/contract';
import { failedOutcome, outcomeOf, type Effect } from '@reeve/tools';
import type { ToolStep } from './run.ts';
import type { CallerCall } from './store/caller-tools.ts';
import { isUnended, type ChildRun } from './store/child.ts';
import { isUnreadable, unreadableOutcome } from './unreadable-arguments.ts';

/*
 * What is next for a pending tool call
 *
 *   its arguments are not JSON                          ─► settle with an error that says so
 *   its tool is one of the caller’s                     ─► wait for the result, then settle with it or, too late, with an error
 *   its child run was opened                            ─► wait for it, then settle with what that came to
 *   had begun in another life, and a repeat may do harm ─► ask what became of it ─► retry | skip | a result by hand
 *   people are asked about the tool                     ─► ask whether it may be made ─► call (with edited input) | denied
 *   else                                                ─► call
 *
 * A question stays for as long as it is good for: whether a call may be made for the whole call, what became of it for the one
 * attempt that was hidden.
 */

/** An approval of a tool call, with the attempt of its step that it is about; `isGiven`: somebody gave the result by hand. */
export type ToolApproval = Approval & { readonly attempt: number; readonly isGiven: boolean };

/** What was asked about a step and answered. */
export interface Answers {
  readonly call: ToolApproval | undefined;
  readonly outcome: ToolApproval | undefined;
}

export type ToolDecision =
  | { readonly do: 'ask'; readonly kind: 'tool_call' | 'tool_outcome' }
  | { readonly do: 'wait'; readonly for: 'approval' | 'dependencies' | 'caller' }
  | {
      readonly do: 'call';
      readonly input: unknown;
      /** The decision that this carries out. */
      readonly answered: ToolApproval | undefined;
      /** Where the input is a person's. */
      readonly edited: ToolApproval | undefined;
    }
  | { readonly do: 'settle'; readonly outcome: ToolOutcome; readonly label: string; readonly answered?: ToolApproval };

export interface ToolStanding {
  readonly effect: Effect;
  /** This process began it itself, so it knows what became of it. */
  readonly begunHere: boolean;
  /** People are to be asked before it is made. */
  readonly asked: boolean;
  /** The run that it opened. */
  readonly child: ChildRun | undefined;
  /** What its caller was asked to do. */
  readonly callerCall: CallerCall | undefined;
}

/** Decides from what is recorded, and changes nothing. */
export function decideTool(step: ToolStep, { call, outcome }: Answers, standing: ToolStanding): ToolDecision {
  const { effect, begunHere, asked, child, callerCall } = standing;
  const edited = editedBy(call);
  const input = inputOf(step, call);
  if (isUnreadable(input)) return { do: 'settle', outcome: unreadableOutcome(input), label: 'error' };
  if (callerCall !== undefined) {
    if (!isDue(callerCall)) return { do: 'wait', for: 'caller' };
    const came = callerCall.outcome ?? failedOutcome('error', 'Nobody gave the result of this call in time.');
    return { do: 'settle', outcome: came, label: came.tool_status };
  }
  if (child !== undefined) {
    if (isUnended(child)) return { do: 'wait', for: 'dependencies' };
    const came = childOutcome(child);
    return { do: 'settle', outcome: withEditedInput(came, edited), label: came.tool_status };
  }
  if (step.attempt > 0 && !begunHere && effect === 'external') {
    if (outcome === undefined || outcome.attempt !== step.attempt) return { do: 'ask', kind: 'tool_outcome' };
    if (outcome.status === 'pending') return { do: 'wait', for: 'approval' };
    if (outcome.status === 'rejected')
      return { do: 'settle', outcome: unknownOutcome(outcome), label: 'unknown', answered: outcome };
    if (outcome.isGiven) return { do: 'settle', outcome: givenOutcome(outcome), label: 'success', answered: outcome };
    return { do: 'call', input, answered: outcome, edited };
  }
  if (call === undefined) {
    // What has begun was let begin.
    if (asked && step.attempt === 0) return { do: 'ask', kind: 'tool_call' };
    return { do: 'call', input, answered: undefined, edited };
  }
  if (call.status === 'pending') return { do: 'wait', for: 'approval' };
  if (call.status === 'rejected')
    return { do: 'settle', outcome: deniedOutcome(call), label: 'denied', answered: call };
  return { do: 'call', input, answered: step.attempt === 0 ? call : undefined, edited };
}

/** Whether a call of a caller’s tool waits no longer: it is answered, or its time has run out. */
export function isDue({ outcome, leftMs }: CallerCall): boolean {
  return outcome !== null || leftMs === 0;
}

/** What a call is made with: the model's input, or a person's. */
export function inputOf(step: ToolStep, call: ToolApproval | undefined): unknown {
  return editedBy(call)?.edited_input ?? step.input;
}

function editedBy(call: ToolApproval | undefined): ToolApproval | undefined {
  return call?.status === 'approved' && call.edited_input !== null ? call : undefined;
}

/** The outcome as a model is told it where a person changed the input. */
export function withEditedInput(outcome: ToolOutcome, approval: ToolApproval | undefined): ToolOutcome {
  if (approval === undefined) return outcome;
  const note = 'A person changed the input of this call before it was made.';
  return { ...outcome, result: { note, input: approval.edited_input, result: outcome.result } };
}

/** What a child run came to, as its parent's model is told it. */
function childOutcome({ id, agent, sessionId, status, result, errorMessage, durationMs }: ChildRun): ToolOutcome {
  const about = { agent, run_id: id, session_id: sessionId };
  const ended =
    status === 'completed'
      ? { answer: result }
      : { error: `${agent} ${ENDS[status]}: ${errorMessage ?? 'no reason given'}` };
  const outcome = outcomeOf({
    status: status === 'completed' ? 'success' : 'error',
    result: { ...about, ...ended },
  });
  return { ...outcome, duration_ms: durationMs };
}

const ENDS: Readonly<Record<string, string>> = { failed: 'failed', cancelled: 'was stopped' };

function deniedOutcome({ decided_by, reason }: Approval): ToolOutcome {
  const who = decided_by === 'system' ? 'Nobody approved this call in time' : 'A person rejected this call';
  return failedOutcome('denied', reason === null || decided_by === 'system' ? `${who}.` : `${who}: ${reason}`);
}

/** What stands in for the outcome of a call that a crash hid. It was not repeated, since it may have had its effect. */
function unknownOutcome({ reason, decided_by }: Approval): ToolOutcome {
  const because = reason === null || decided_by === 'system' ? '' : ` A person said: ${reason}`;
  return failedOutcome(
    'error',
    `The outcome of this call is unknown: the process stopped while it ran. It was not repeated. Check what it did before going on.${because}`,
  );
}

function givenOutcome({ result }: Approval): ToolOutcome {
  return {
    tool_status: 'success',
    result: { note: 'The process stopped while this call ran. A person gave its result.', result },
    stdout: '',
    stderr: '',
    exit_code: null,
    duration_ms: 0,
    truncated: false,
  };
}
