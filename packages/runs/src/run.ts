import type { AgentInput, Attachment, Multitask, RunWait, ToolOutcome, Usage } from '@reeve/contract';
import type { RunContextItem } from '@reeve/memory';
import type { ModelMessage, ModelRequest, ModelToolCall } from '@reeve/models';
import { usdOf } from '@reeve/ledger';
import type { CallerTools } from './caller-tools.ts';

/*
 * The life of a run
 *
 *   queued ──claimed──► running ──► completed | failed | cancelled
 *      ▲                 │ ▲                       │
 *      └─ parked, until ─┘ └──── retry of its task ┘
 *         a person decides, a budget has room,
 *         a child run has ended, its model takes
 *         calls again, or the caller has answered
 *
 * A run advances by steps, of which one is a model call, a tool call or a compaction:
 *
 *   (none) ──► pending ──act──► settled
 *
 * A step is written before it acts and settled with its outcome after. One transaction settles a step and begins what
 * follows from it, so between any two commits at most one thing has happened outside. That transaction holds the
 * task's lease: a worker that lost it changes nothing.
 *
 *   model step settled without calls → the run completes      with calls → one pending tool step for each
 *   last pending tool step settled   → the next model step is pending, after a compaction where the context is too long
 *
 * A tool call that people are asked about stays pending until they have answered; the others of its turn go on meanwhile, and
 * then the run is parked. After a crash the next holder of the task reads the steps and goes on: settled steps are not
 * repeated; a pending model call is made again; a pending tool call is made again where it had not begun (`attempt` 0) or its
 * tool says that a repeat does no harm, and else a person is asked what became of it (see tool-decision.ts). What a model is
 * shown is a pure function of the session's earlier messages and the settled steps.
 *
 * A call that gives work to another agent opens a child run in the transaction that begins it, with a task and a session of its
 * own, and its step stays pending until that run has ended (see child-step.ts). A call of a tool that the caller offered stays
 * pending until the caller has given its result (see caller-tools.ts).
 */

/** A message of a conversation, and the files that came with it: the model call that shows them reads them. */
export type RunMessage = ModelMessage & { readonly attachments?: readonly Attachment[] };

/** What a model is asked, but for the contents of the files that came with the messages. */
export interface RunModelRequest extends ModelRequest {
  readonly messages: readonly RunMessage[];
}

export interface RunRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly taskId: string;
  readonly agentId: string;
  readonly agentSlug: string;
  readonly agentVersion: number;
  readonly sessionId: string;
  readonly source: string;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly waitingFor: RunWait | null;
  readonly multitask: Multitask;
  readonly input: string;
  /** The files that came with the input. */
  readonly attachments: readonly Attachment[];
  readonly context: readonly RunContextItem[];
  /** Messages of the session up to this position came before the run. */
  readonly historyUntil: number;
  readonly traceId: string;
  /** Who asked for it. */
  readonly userId: string;
  readonly parentRunId: string | null;
  /** The run whose budget it shares: its own where it is no child. */
  readonly rootRunId: string;
  /** The run whose steps below `forkStep` it shares. */
  readonly forkedFrom: string | null;
  readonly forkStep: number | null;
  readonly used: Used;
  readonly startedAt: Date | null;
  readonly createdAt: Date;
}

/** What a run is about, as a title says it: its input, else the name of the first file that came with it. */
export function subjectOf({ input, attachments }: Pick<RunRecord, 'input' | 'attachments'>): string {
  return input.trim() === '' ? (attachments[0]?.path.split('/').at(-1) ?? '') : input;
}

/** Whether a caller waits for the run: it was neither queued as a task nor delegated by another run. */
export function isInteractive({ source, parentRunId }: Pick<RunRecord, 'source' | 'parentRunId'>): boolean {
  return source !== 'task' && parentRunId === null;
}

/** What model calls used. `costNano` is null where the price of one is not known. */
export interface Used {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly reasoningTokens: number;
  readonly costNano: number | null;
}

/** What a model call came to. */
export interface ModelOutput {
  readonly text: string;
  readonly toolCalls: readonly ModelToolCall[];
  readonly finish: string;
  /** What the provider wants back with it. */
  readonly providerData?: unknown;
}

export type StepRecord = ModelStep | ToolStep | MessageStep | CompactionStep;

interface StepBase {
  /** The run that it was made in: this one, or one that it was forked from. */
  readonly runId: string;
  readonly number: number;
  readonly status: 'pending' | 'settled';
  /** How often it was begun. */
  readonly attempt: number;
  /** Once it was read from the database as settled: what became of it. */
  readonly outcome?: string | null;
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
  /** The run that it opened, and whose end is its outcome. */
  readonly childRunId: string | null;
  readonly output: ToolOutcome | null;
}

/** Something said to a run that is under way. Settled from the start. */
export interface MessageStep extends StepBase {
  readonly kind: 'message';
  readonly output: { readonly text: string };
}

/** A summary that stands for the first `messages` messages of the conversation as it was then. */
export interface Summary {
  readonly text: string;
  readonly messages: number;
}

export interface CompactionStep extends StepBase {
  readonly kind: 'compaction';
  /** `reused`: an earlier run of the session had made it. */
  readonly output: (Summary & { readonly reused?: true }) | null;
}

/** Everything the engine knows of a run that it works on. */
export interface RunState {
  readonly run: RunRecord;
  readonly agent: AgentInput;
  readonly history: readonly RunMessage[];
  /** Null where the caller offered none. */
  readonly callerTools: CallerTools | null;
  readonly steps: readonly StepRecord[];
  /** Pending steps whose beginning the holder of this state has committed itself, so that they did not begin before. */
  readonly begun: readonly number[];
  /** What it had been put aside for before this claim; left out where it had not. */
  readonly waitedFor?: RunWait | null;
  /** Number of the last event. */
  readonly lastSeq: number;
}

/** The model call that follows the steps there are; it begins with the commit that inserts it. */
export function nextModelStep(runId: string, steps: readonly StepRecord[]): ModelStep {
  return { runId, number: steps.length + 1, kind: 'model', status: 'pending', attempt: 1, output: null };
}

/** A step as it is stored; `model` names the model of a model call, and `history` how many messages came before the run. */
export function rowOf(step: StepRecord, model: string, history: number) {
  const { number, kind, attempt, status } = step;
  const base = { number, kind, attempt, status, callId: null, output: null };
  if (step.kind === 'tool') return { ...base, name: step.name, callId: step.callId, input: step.input };
  if (step.kind === 'message') return { ...base, name: 'user', input: {}, output: step.output };
  return { ...base, name: model, input: { messages: history + number } };
}

export const NOTHING_USED: Used = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  reasoningTokens: 0,
  costNano: 0,
};

/** What two used together. */
export function sumUsed(one: Used, other: Used): Used {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    reasoningTokens: one.reasoningTokens + other.reasoningTokens,
    costNano: one.costNano === null || other.costNano === null ? null : one.costNano + other.costNano,
  };
}

/** What was used as the API shows it. */
export function usageOf({ inputTokens, outputTokens, cachedTokens, reasoningTokens, costNano }: Used): Usage {
  return {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    cost_usd: costNano === null ? null : usdOf(costNano),
    ...(cachedTokens > 0 && { cached_tokens: cachedTokens }),
    ...(reasoningTokens > 0 && { reasoning_tokens: reasoningTokens }),
  };
}
