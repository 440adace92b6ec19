import type { AgentInput, NewRunEvent } from '@reeve/contract';
import type { Database, Tx } from '@reeve/db';
import type { Log } from '@reeve/kit';
import type { ModelGateway, ModelMessage, ModelRequest } from '@reeve/models';
import type { Claim, TaskHandler } from '@reeve/tasks';
import type { CallLedger, CallOwner } from '@reeve/tenancy';
import type { ToolContext, ToolRegistry } from '@reeve/tools';
import { createCommitter, type Commit } from './committer.ts';
import { conversationOf } from './conversation.ts';
import type { Feed } from './feed.ts';
import { rowOf, type RunRecord, type RunState, type StepRecord } from './run.ts';
import { insertSteps } from './store/step.ts';
import type { ToolApproval } from './tool-decision.ts';

/** What the engine works with. */
export interface EngineParts {
  readonly database: Database;
  readonly feed: Feed;
  readonly models: ModelGateway;
  readonly tools: ToolRegistry;
  /** What a tool call of this run may touch. */
  readonly toolContext: (run: RunRecord, idempotencyKey: string, signal: AbortSignal) => Promise<ToolContext>;
  /** Where the model calls of an owner are recorded, and its budgets held. */
  readonly ledgerFor: (owner: CallOwner) => CallLedger;
  readonly handler: TaskHandler;
  readonly log: Log;
}

/** A run as the holder of its task works on it. */
export interface Work extends EngineParts {
  readonly claim: Claim;
  readonly agent: AgentInput;
  readonly history: readonly ModelMessage[];
  readonly commit: Commit;
  run: RunRecord;
  steps: readonly StepRecord[];
  /** Pending steps whose beginning this holder has committed itself. */
  readonly begun: Set<number>;
  /** What people were asked about its tool calls, as far as it was read. */
  approvals: readonly ToolApproval[];
  /** Tools of its pending calls that a rule has people asked about. */
  asked: ReadonlySet<string>;
  /** Nothing is left to do under this claim. */
  left: boolean;
}

export function createWork(parts: EngineParts, claim: Claim, state: RunState): Work {
  const { run, agent, history, steps, lastSeq } = state;
  return {
    ...parts,
    claim,
    agent,
    history,
    run,
    steps,
    commit: createCommitter(parts.database, parts.feed, claim, run, lastSeq),
    begun: new Set(state.begun),
    approvals: [],
    asked: new Set(),
    left: false,
  };
}

/** What the model is asked next. */
export function requestOf({ agent, run, history, steps, tools }: Work): ModelRequest {
  return {
    model: agent.model_id,
    system: agent.system_prompt,
    context: run.context,
    messages: conversationOf(history, run.input, steps),
    tools: tools.definitions(agent.tools),
  };
}

/** Inserts steps that this holder makes. */
export function insertWork(tx: Tx, work: Work, steps: readonly StepRecord[]): Promise<void> {
  const { run, agent, models, history } = work;
  const model = agent.model_id ?? models.defaultModel;
  return insertSteps(
    tx,
    run.tenantId,
    run.id,
    steps.map((step) => rowOf(step, model, history.length)),
  );
}

/** The steps with one of them settled. */
export function withStep(work: Work, settled: StepRecord): StepRecord[] {
  return work.steps.map((step) => (step.number === settled.number ? settled : step));
}

/** For whom the model calls of a step are made. */
export function ownerOf({ run, agent }: Work, step: number): CallOwner {
  return {
    tenantId: run.tenantId,
    userId: run.userId,
    traceId: run.traceId,
    agentId: run.agentSlug,
    personaId: agent.persona_id,
    runId: run.id,
    rootRunId: run.rootRunId,
    step,
  };
}

/** What readers are told where a step is begun again after a crash. */
export function discardEvent(step: number): NewRunEvent {
  return {
    type: 'system',
    message: `step ${step} is begun again after an interruption`,
    discard_step: step,
  };
}
