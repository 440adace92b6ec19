import type { AgentInput, NewRunEvent, RunWait } from '@reeve/contract';
import type { Database } from '@reeve/db';
import type { Log, ReeveError } from '@reeve/kit';
import type { EmbedMemoryQuery, MemoryRulesOf } from '@reeve/memory';
import type { ModelGateway, ModelRequest, ModelTurn } from '@reeve/models';
import type { Claim, TaskHandler } from '@reeve/tasks';
import type { Booking, CallLedger, CallOwner } from '@reeve/ledger';
import type { ToolContext, ToolDefinition, ToolRegistry } from '@reeve/tools';
import type { CallerTools } from './caller-tools.ts';
import { createCommitter, type Committer } from './committer.ts';
import type { ReadAttachment } from './attachments.ts';
import { conversationOf } from './conversation.ts';
import type { Feed } from './feed.ts';
import type { PauseOptions } from './pause.ts';
import {
  isInteractive,
  rowOf,
  type RunMessage,
  type RunModelRequest,
  type RunRecord,
  type RunState,
  type StepRecord,
} from './run.ts';
import type { CallerCall } from './store/caller-tools.ts';
import type { ChildRun } from './store/child.ts';
import type { ToolApproval } from './tool-decision.ts';

/** What the engine works with. */
export interface EngineParts {
  readonly database: Database;
  readonly feed: Feed;
  readonly models: ModelGateway;
  /** The tools that every tenant has. */
  readonly tools: ToolRegistry;
  /** Those with a tenant's own, now. */
  readonly toolsOf: (tenantId: string) => Promise<ToolRegistry>;
  /** What a tool call of this run may touch, made by its agent. */
  readonly toolContext: (
    run: RunRecord,
    agent: Pick<AgentInput, 'skills' | 'persona_id'>,
    idempotencyKey: string,
    signal: AbortSignal,
  ) => Promise<ToolContext>;
  /** The skills of these names, as far as they are there. */
  readonly skillsOf: (names: readonly string[]) => AgentSkills;
  /** Where the model calls of an owner are recorded, and its budgets held; by way of `booking` where that is given. */
  readonly ledgerFor: (owner: CallOwner, booking?: Booking) => CallLedger;
  readonly readAttachment: ReadAttachment;
  /** Makes what a run is about a vector, where it is opened here. */
  readonly embedQuery?: EmbedMemoryQuery | undefined;
  /** What a tenant's policy says of tools, now. */
  readonly toolRulesOf: (tenantId: string) => Promise<ToolRules>;
  /** What the tenant's memory keeps out, now. */
  readonly memoryRulesOf: MemoryRulesOf;
  /** How long a call of a caller’s tool waits for its result, in milliseconds. */
  readonly callerWaitMs: number;
  readonly handler: TaskHandler;
  /** How long a run of the queue waits for a model that takes no calls, in milliseconds. */
  readonly modelWaitMs: number;
  /** What tests replace. */
  readonly pauses?: PauseOptions | undefined;
  readonly log: Log;
}

/** What skills add to an agent. */
export interface AgentSkills {
  /** For the end of its system prompt; empty where it has none. */
  readonly prompt: string;
  /** Tools that they are read with. */
  readonly tools: readonly string[];
}

/** What is to be done about a tool by its name: `approve`: a person is asked first. */
export type ToolRules = (tool: string) => 'allow' | 'deny' | 'approve';

/** Works on tasks of agents as runs. */
export interface RunHandler extends TaskHandler {
  /** Hands over what the maker of a claim knows of its run, so that it need not be read again. */
  prepare(claim: Claim, state: RunState): void;
}

/** What follows a failure: the run waits for its model, its task is tried again, or the run ends as failed. */
export type AfterFailure = 'wait' | 'retry' | 'end';

/** A run as the holder of its task works on it. */
export interface RunExecution extends EngineParts, Committer {
  readonly claim: Claim;
  readonly agent: AgentInput;
  readonly history: readonly RunMessage[];
  readonly callerTools: CallerTools | null;
  run: RunRecord;
  steps: readonly StepRecord[];
  /** Pending steps whose beginning this holder has committed itself. */
  readonly begun: Set<number>;
  /** What people were asked about its tool calls, as far as it was read. */
  approvals: readonly ToolApproval[];
  /** The child runs that its pending calls wait for, as far as they were read. */
  children: readonly ChildRun[];
  /** The calls of caller’s tools among its pending steps, as far as they were read. */
  callerCalls: readonly CallerCall[];
  /** Tools of its pending calls that a rule has people asked about. */
  asked: ReadonlySet<string>;
  /** What the tenant's policy says of tools, as it was when this step began. */
  rules: ToolRules;
  /** The tenant's tools, as they were then. */
  tools: ToolRegistry;
  /** What is to follow a failure of a step of that kind. */
  readonly afterFailure: (error: ReeveError, kind: StepRecord['kind'] | undefined) => AfterFailure;
  /** What the run had been put aside for, until it has gone on. */
  waitedFor: RunWait | null;
  /** Called when the run begins and stops waiting for its turn at a model. */
  onModelWait: (isWaiting: boolean) => void;
  /** Nothing is left to do under this claim. */
  left: boolean;
}

export function createExecution(
  parts: EngineParts,
  claim: Claim,
  state: RunState,
  afterFailure: RunExecution['afterFailure'],
): RunExecution {
  const { run, agent, history, callerTools, steps, lastSeq } = state;
  const { database, handler, feed, models } = parts;
  const model = agent.model_id ?? models.defaultModel;
  return {
    ...parts,
    ...createCommitter({
      database,
      handler,
      feed,
      claim,
      run,
      lastSeq,
      rowOf: (step) => rowOf(step, model, history.length),
    }),
    claim,
    agent,
    history,
    callerTools,
    run,
    steps,
    begun: new Set(state.begun),
    approvals: [],
    children: [],
    callerCalls: [],
    asked: new Set(),
    rules: () => 'deny',
    afterFailure,
    waitedFor: state.waitedFor ?? null,
    onModelWait: () => undefined,
    left: false,
  };
}

/** What the model is asked next. */
export function requestOf(work: RunExecution): RunModelRequest {
  const { agent, run, history, steps, tools, rules } = work;
  const skills = work.skillsOf(agent.skills);
  // Without what they are read with there is no use in knowing of them.
  const prompt = skills.tools.some((name) => rules(name) === 'deny') ? '' : skills.prompt;
  const { souls = [], quoted = [] } = Object.groupBy(run.context, ({ kind }) => (kind === 'soul' ? 'souls' : 'quoted'));
  return {
    model: agent.model_id,
    system: [...souls.map(({ text }) => text), agent.system_prompt, prompt].filter((part) => part !== '').join('\n\n'),
    context: quoted.map(({ text, source }) => ({ text, source })),
    messages: conversationOf(history, run, steps),
    tools: [
      ...tools.definitions([...agent.tools, ...skills.tools].filter((name) => rules(name) !== 'deny')),
      ...offeredByCaller(work),
    ],
    ...choiceOfCaller(work),
  };
}

/** The tools that the caller offers; a name that the agent has is the agent’s. */
function offeredByCaller(work: RunExecution): readonly ToolDefinition[] {
  return work.callerTools?.tools.filter(({ name }) => !hasTool(work, name)) ?? [];
}

/** Which tool the caller wants called: by the first model call that is answered. */
function choiceOfCaller({ callerTools, steps }: RunExecution): Pick<ModelRequest, 'toolChoice'> {
  const isFirst = steps.every((step) => step.kind !== 'model' || step.output === null);
  return callerTools?.choice !== undefined && isFirst ? { toolChoice: callerTools.choice } : {};
}

/** Whether a tool is one that the caller offered. */
export function isOfCaller(work: RunExecution, tool: string): boolean {
  return offeredByCaller(work).some(({ name }) => name === tool);
}

/** Whether an agent has a tool, by itself or for its skills. */
export function hasTool({ agent, skillsOf }: RunExecution, tool: string): boolean {
  return agent.tools.includes(tool) || skillsOf(agent.skills).tools.includes(tool);
}

/** Whether an agent has a tool, and its tenant lets it. */
export function isOffered(work: RunExecution, tool: string): boolean {
  return hasTool(work, tool) && work.rules(tool) !== 'deny';
}

/** The steps with one of them settled. */
export function withStep(work: RunExecution, settled: StepRecord): StepRecord[] {
  return work.steps.map((step) => (step.number === settled.number ? settled : step));
}

/** Where the model calls of a step are written down: in the commits of the run. */
export function ledgerOf({ run, agent, ledgerFor, booking }: RunExecution, step: number): CallLedger {
  const owner = {
    tenantId: run.tenantId,
    userId: run.userId,
    traceId: run.traceId,
    agentId: run.agentSlug,
    personaId: agent.persona_id,
    runId: run.id,
    rootRunId: run.rootRunId,
    step,
  };
  return ledgerFor(owner, booking);
}

/** The turn of the run's model calls: a waiting caller's, or that of a task by its priority. */
export function turnOf({ run, claim, onModelWait }: RunExecution): ModelTurn {
  const rank = isInteractive(run) ? 'caller' : 'task';
  return { tenantId: run.tenantId, rank, taskPriority: claim.task.priority, onWaiting: onModelWait };
}

/** Tells readers that a step was interrupted: its streamed output is void, and it is executed again. */
export function discardEvent(step: number): NewRunEvent {
  return {
    type: 'system',
    phase: 'step_restarted',
    message: `step ${step} was interrupted and restarts`,
    discard_step: step,
  };
}
