import type { RecallBackend, RecallInput, RecallMatch, RememberInput } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import type { Egress, OutputStream, Quota, ReadOnlyDirectory } from '@reeve/sandbox';
import type { z } from 'zod';
import type { Breaker } from './breaker.ts';

/** What doing a call twice would do: nothing, the same as once, or something more. */
export type Effect = 'none' | 'idempotent' | 'external';

/** The memory of the tenant whose run calls the tool. */
export interface ToolMemory {
  remember(input: RememberInput): Promise<{ id: string; deduplicated: boolean }>;
  /** `backend`: who ranked what was found, where that is known. */
  recall(
    input: Pick<RecallInput, 'query' | 'top_k' | 'kinds' | 'tags'>,
  ): Promise<{ readonly matches: readonly RecallMatch[]; readonly backend?: RecallBackend }>;
  /** False where there is no such memory that the run may forget. */
  forget(id: string): Promise<boolean>;
}

/** The queue, as the run that calls the tool may use it. */
export interface ToolTasks {
  /**
   * Puts a task into it for an agent of the tenant, the calling one where none is named; a repeat of the same step makes no
   * second one. Throws `unknown_agent`, and `limit_reached` where agents have made too many for one request.
   */
  create(task: {
    readonly agent: string | undefined;
    readonly title: string;
    readonly description: string;
    /** ISO time; at once where it is undefined. */
    readonly runAt: string | undefined;
  }): Promise<{ readonly id: string; readonly agentId: string; readonly runAt: string | null }>;
}

/** On whose behalf a tool runs, and with what. */
export interface ToolContext {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly runId: string | null;
  /** The same on a repeat of the same step. */
  readonly idempotencyKey: string;
  /** Absolute path of the session's workspace, or what stands for it where the sandbox is another process's. */
  readonly workspace: string;
  /** What the files in it may take. */
  readonly quota: Quota;
  /** The hosts that programs of a tool may reach; undefined where there are none. */
  egressOf(tool: string): Promise<Egress | undefined>;
  readonly signal: AbortSignal;
  /** Absent in a process without a database. */
  readonly memory?: ToolMemory | undefined;
  /** Absent outside a run. */
  readonly tasks?: ToolTasks | undefined;
  /** Names of the skills that the agent has; absent outside a run, where any may be read. */
  readonly skills?: readonly string[] | undefined;
  /** What programs see besides the workspace, such as the folders of skills. */
  readonly readOnly?: readonly ReadOnlyDirectory[] | undefined;
  /** Told of what programs print, as it comes. Must not throw. */
  readonly onOutput?: ((stream: OutputStream, text: string) => void) | undefined;
  now(): Date;
}

/**
 * What a tool came to; `result` is what the model is shown. `error` and `timeout` are failures that the input caused,
 * such as a missing file or a command that ran too long. Faults of the tool itself are thrown.
 */
export interface ToolResult {
  readonly status: 'success' | 'error' | 'timeout';
  readonly result: unknown;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number | null;
  readonly truncated?: boolean;
  /** The tool itself was at fault after all: it counts for the breaker. */
  readonly isFault?: boolean;
}

/** Work for another agent that a call stands for. */
export interface Delegation {
  /** Id or slug. */
  readonly agent: string;
  readonly message: string;
  /** The session of earlier work of that agent, to go on in. */
  readonly sessionId: string | undefined;
}

/** A function that an agent can call. */
export interface Tool<Input = unknown> {
  readonly name: string;
  /** Written for the model. */
  readonly description: string;
  /** The most that a call may do. */
  readonly effect: Effect;
  /** What a call with this input does, where that can be less. */
  effectOf?(input: Input): Effect;
  readonly input: z.ZodType<Input>;
  /** What a model is told of its input, where that is not `input` itself. */
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  /** Where it comes from, `<kind>:<name>`; it is built in where this is left out. */
  readonly source?: string;
  /** Counts its faults together with those of other tools; one of its own where it is left out. */
  readonly breaker?: Breaker;
  /** Where calls are made, if not in this process, and what is wrong there now; they are tried all the same. */
  readonly place?: { readonly target: string; trouble(): string | undefined };
  /** Bound on one call; reaching it counts as a fault of the tool. */
  readonly timeoutMs: number;
  /** Why the tool cannot be used here, or undefined where it can. */
  unavailable?(): string | undefined;
  /** Where a call stands for a run of another agent: which. The run engine opens that run and waits for its end; it never calls `execute` then. */
  delegation?(input: Input): Delegation;
  /** A ReeveError about bad input becomes an `error` result; anything else thrown is a fault of the tool. */
  execute(input: Input, context: ToolContext): Promise<ToolResult>;
}

/** A tool with the type of its input taken from its schema, for a registry that holds tools of every kind. */
export function defineTool<Schema extends z.ZodType>(
  tool: Omit<Tool<z.output<Schema>>, 'input'> & { readonly input: Schema },
): Tool {
  // The registry passes on only what `input` has parsed.
  return tool as unknown as Tool;
}

/** The memory that a tool was given. Throws `unavailable` where there is none. */
export function memoryOf({ memory }: ToolContext): ToolMemory {
  if (memory === undefined) throw new ReeveError('unavailable', 'there is no memory here');
  return memory;
}

/** A result that says what was done. */
export function success(result: unknown): ToolResult {
  return { status: 'success', result };
}
