import type { AgentInput, Message, ToolOutcome, Usage } from '@reeve/contract';
import type { ContextItem, ModelMessage, ModelToolCall } from '@reeve/models';
import { failedOutcome } from '@reeve/tools';

/*
 * The life of a run
 *
 *   queued ──claimed──► running ──► completed | failed | cancelled
 *                          ▲                       │
 *                          └──── retry of its task ┘
 *
 * A run advances by steps, of which one is a model call or a tool call:
 *
 *   (none) ──► pending ──act──► settled
 *
 * A step is written before it acts and settled with its outcome after. One transaction settles a step and begins what
 * follows from it, so between any two commits at most one thing has happened outside. That transaction holds the
 * task's lease: a worker that lost it changes nothing.
 *
 *   model step settled without calls → the run completes      with calls → one pending tool step for each
 *   last pending tool step settled   → the next model step is pending
 *
 * After a crash the next holder of the task reads the steps and goes on: settled steps are not repeated; a pending model
 * call is made again; a pending tool call is made again where it had not begun (`attempt` 0) or its tool says that a
 * repeat does no harm, and is else settled as `unknown`, which the model is told. What a model is shown is a pure function
 * of the session's earlier messages and the settled steps.
 */

export interface RunRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly taskId: string;
  readonly agentId: string;
  readonly agentSlug: string;
  readonly agentVersion: number;
  readonly sessionId: string;
  readonly door: string;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly input: string;
  readonly context: readonly ContextItem[];
  /** Messages of the session up to this position came before the run. */
  readonly historyUntil: number;
  readonly traceId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly startedAt: Date | null;
  readonly createdAt: Date;
}

/** What a model call came to. */
export interface ModelOutput {
  readonly text: string;
  readonly toolCalls: readonly ModelToolCall[];
  readonly finish: string;
}

export type StepRecord = ModelStep | ToolStep;

interface StepBase {
  readonly number: number;
  readonly status: 'pending' | 'settled';
  /** How often it was begun. */
  readonly attempt: number;
}

export interface ModelStep extends StepBase {
  readonly kind: 'model';
  readonly output: ModelOutput | null;
}

export interface ToolStep extends StepBase {
  readonly kind: 'tool';
  readonly name: string;
  readonly callId: string;
  readonly input: unknown;
  readonly output: ToolOutcome | null;
}

/** Everything the engine knows of a run that it works on. */
export interface RunState {
  readonly run: RunRecord;
  readonly agent: AgentInput;
  readonly history: readonly ModelMessage[];
  readonly steps: readonly StepRecord[];
  /** Pending steps whose beginning the holder of this state has committed itself, so that they did not begin before. */
  readonly begun: readonly number[];
  /** Number of the last event. */
  readonly lastSeq: number;
}

/** Messages of the session that a run is shown at most. */
export const HISTORY_LIMIT = 200;

/** The model call that follows the steps there are; it begins with the commit that inserts it. */
export function nextModelStep(steps: readonly StepRecord[]): ModelStep {
  return { number: steps.length + 1, kind: 'model', status: 'pending', attempt: 1, output: null };
}

/** A pending step as it is stored; `model` names the model of a model call, and `history` how many messages came before the run. */
export function rowOf(step: StepRecord, model: string, history: number) {
  const { number, kind, attempt } = step;
  return step.kind === 'tool'
    ? { number, kind, attempt, name: step.name, callId: step.callId, input: step.input }
    : { number, kind, attempt, name: model, callId: null, input: { messages: history + number } };
}

/** The conversation that the next model call is shown. */
export function conversationOf(
  history: readonly ModelMessage[],
  input: string,
  steps: readonly StepRecord[],
): ModelMessage[] {
  const messages: ModelMessage[] = [...history, { role: 'user', text: input }];
  for (const step of steps) {
    if (step.status !== 'settled' || step.output === null) continue;
    if (step.kind === 'model')
      messages.push({ role: 'assistant', text: step.output.text, toolCalls: step.output.toolCalls });
    else
      messages.push({
        role: 'tool',
        toolCallId: step.callId,
        name: step.name,
        output: step.output.result,
        isError: step.output.tool_status !== 'success',
      });
  }
  return messages;
}

/** A session's messages as a model is shown them. Begins with a message of the user, whatever was cut before it. */
export function historyOf(messages: readonly Pick<Message, 'role' | 'content'>[]): ModelMessage[] {
  const first = messages.findIndex(({ role }) => role === 'user');
  const history: ModelMessage[] = [];
  for (const { role, content } of messages.slice(first === -1 ? messages.length : first)) {
    if (role === 'assistant') {
      history.push({ role, text: content, toolCalls: [] });
    } else if (role === 'tool-plan') {
      const {
        tool_call_id: id,
        name,
        input,
      } = JSON.parse(content) as { tool_call_id: string; name: string; input: unknown };
      const said = history.at(-1);
      const text = said?.role === 'assistant' && said.toolCalls.length === 0 ? said.text : '';
      if (text !== '') history.pop();
      history.push({ role: 'assistant', text, toolCalls: [{ id, name, input }] });
    } else if (role === 'tool-output') {
      const {
        tool_call_id: toolCallId,
        name,
        status,
        output,
      } = JSON.parse(content) as { tool_call_id: string; name: string; status: string; output: unknown };
      history.push({ role: 'tool', toolCallId, name, output, isError: status !== 'success' });
    } else {
      history.push({ role: 'user', text: content });
    }
  }
  return history;
}

/** What a finished run adds to its session: what the model said beside its calls, each call with its outcome, then the answer. */
export function messagesOf(
  steps: readonly StepRecord[],
  answer: string,
): { role: 'tool-plan' | 'tool-output' | 'assistant'; content: string }[] {
  const messages: { role: 'tool-plan' | 'tool-output' | 'assistant'; content: string }[] = [];
  for (const step of steps) {
    if (step.output === null) continue;
    if (step.kind === 'model') {
      if (step.output.toolCalls.length > 0 && step.output.text.trim() !== '')
        messages.push({ role: 'assistant', content: step.output.text });
      continue;
    }
    const call = { tool_call_id: `${step.callId}-${step.number}`, name: step.name };
    messages.push({ role: 'tool-plan', content: JSON.stringify({ ...call, input: step.input }) });
    messages.push({
      role: 'tool-output',
      content: JSON.stringify({ ...call, status: step.output.tool_status, output: step.output.result }),
    });
  }
  return [...messages, { role: 'assistant', content: answer }];
}

/** What stands in for the outcome of a call that a crash hid. It was not repeated, since it may have had its effect. */
export const unknownOutcome: ToolOutcome = failedOutcome(
  'error',
  'The outcome of this call is unknown: the process stopped while it ran. It was not repeated. Check what it did before going on.',
);

export function usageOf({ inputTokens, outputTokens }: Pick<RunRecord, 'inputTokens' | 'outputTokens'>): Usage {
  return {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    cost_usd: null,
  };
}
