import type { ToolInfo, ToolOutcome } from '@reeve/contract';
import { breakerOutcomeOf, ReeveError, counter, durations, type ConfigOf, type Log } from '@reeve/kit';
import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { createBreaker, type Breaker } from './breaker.ts';
import { builtinTools, workspaceTools } from './builtin/index.ts';
import type { toolSettings } from './config.ts';
import { failedOutcome, outcomeOf } from './outcome.ts';
import { explain } from './explain.ts';
import type { Delegation, Effect, Tool, ToolContext, ToolResult } from './tool.ts';
import type { Web } from './web.ts';

/** A tool as a model is offered it. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
}

/** Tools by their names, each behind a circuit breaker. */
export interface ToolRegistry {
  /** Every tool, by name. */
  list(): ToolInfo[];
  get(name: string): Tool | undefined;
  /**
   * What repeating a call with these arguments would do; `external` for a tool that is not known, so that it is never repeated
   * blindly. Arguments that the tool would refuse count as the tool's worst.
   */
  effectOf(name: string, args: unknown): Effect;
  /** What a call asks of another agent, or what is wrong with its arguments; undefined for a tool that does its work itself. */
  delegation(name: string, args: unknown): { asked: Delegation } | { refused: ToolOutcome } | undefined;
  /** The named tools as a model is offered them, without those that are unknown or cannot be used here. */
  definitions(names: readonly string[]): ToolDefinition[];
  /**
   * Calls a tool. Its failures, wrong arguments included, are outcomes that a model can read. Throws ReeveError
   * `unknown_tool`, `cancelled` where the signal aborts, and `shutting_down` where the sandbox is closed under it.
   */
  execute(name: string, args: unknown, context: ToolContext): Promise<ToolOutcome>;
  /** These tools, under the same breakers, and others beside them. A name that is taken stays with who has it. */
  with(others: readonly Tool[]): ToolRegistry;
}

export interface ToolRegistryOptions {
  /** Runs the programs of the tools that work in a workspace; or those tools themselves, where they run elsewhere. */
  readonly sandbox: Pick<Sandbox, 'exec' | 'unavailable'> | readonly Tool[];
  readonly web: Web;
  readonly config: ConfigOf<typeof toolSettings>;
  readonly log: Log;
  /** The tools to offer; the built-in ones by default. */
  readonly tools?: readonly Tool[];
}

const calls = counter('reeve_tool_calls_total', 'Tool calls by tool and status.', ['tool', 'status']);
const seconds = durations('reeve_tool_call_duration_seconds', 'Duration of tool calls.', ['tool']);

/** The registry over the built-in tools. */
export function createToolRegistry({
  sandbox,
  web,
  config,
  log,
  tools = builtinTools('exec' in sandbox ? workspaceTools(sandbox) : sandbox, web),
}: ToolRegistryOptions): ToolRegistry {
  return createRegistryOf(tools, config, log);
}

/** A registry over these tools alone. */
export function createRegistryOf(
  tools: readonly Tool[],
  config: ConfigOf<typeof toolSettings>,
  log: Log,
): ToolRegistry {
  return registryOf(
    tools.map((tool) => createEntry(tool, config)),
    config,
    log,
  );
}

function registryOf(all: readonly Entry[], config: ConfigOf<typeof toolSettings>, log: Log): ToolRegistry {
  const entries = new Map(
    all
      .toSorted((one, other) => (one.tool.name < other.tool.name ? -1 : 1))
      .map((entry) => [entry.tool.name, entry] as const),
  );
  const registry: ToolRegistry = {
    with(others) {
      const added = others.filter(({ name }) => !entries.has(name)).map((tool) => createEntry(tool, config));
      return added.length === 0 ? registry : registryOf([...all, ...added], config, log);
    },
    list: () => [...entries.values()].map(toInfo),
    get: (name) => entries.get(name)?.tool,
    effectOf(name, args) {
      const tool = entries.get(name)?.tool;
      if (tool?.effectOf === undefined) return tool?.effect ?? 'external';
      const parsed = tool.input.safeParse(args ?? {});
      return parsed.success ? tool.effectOf(parsed.data) : tool.effect;
    },
    delegation(name, args) {
      const { tool, schema } = entries.get(name) ?? {};
      if (tool?.delegation === undefined || schema === undefined) return undefined;
      const parsed = tool.input.safeParse(args ?? {});
      if (!parsed.success) return { refused: failedOutcome('error', explain(name, parsed.error, schema)) };
      return { asked: tool.delegation(parsed.data) };
    },
    definitions: (names) =>
      [...new Set(names)]
        .flatMap((name) => entries.get(name) ?? [])
        .filter(({ tool }) => tool.unavailable?.() === undefined)
        .map(({ tool, schema }) => ({ name: tool.name, description: tool.description, inputSchema: schema })),
    async execute(name, args, context) {
      const entry = entries.get(name);
      if (entry === undefined)
        throw new ReeveError(
          'unknown_tool',
          `there is no tool ${JSON.stringify(name)}; the tools are ${[...entries.keys()].join(', ')}`,
        );
      if (context.signal.aborted) throw cancelled();
      const startedAt = performance.now();
      const outcome = await attempt(entry, args, context, log);
      // The names that tenants give are no labels.
      const label = entry.tool.source?.split(':', 1)[0] ?? name;
      calls.inc({ tool: label, status: outcome.tool_status });
      seconds.observe({ tool: label }, (performance.now() - startedAt) / 1000);
      return { ...outcome, duration_ms: Math.round((performance.now() - startedAt) * 1000) / 1000 };
    },
  };
  return registry;
}

interface Entry {
  readonly tool: Tool;
  readonly schema: Record<string, unknown>;
  readonly breaker: Breaker;
}

function createEntry(tool: Tool, config: ConfigOf<typeof toolSettings>): Entry {
  const { $schema: _, ...schema } = tool.inputSchema ?? z.toJSONSchema(tool.input, { io: 'input' });
  return {
    tool,
    schema,
    breaker: tool.breaker ?? createBreaker(config.circuitFailureThreshold, config.circuitResetTimeoutSeconds * 1000),
  };
}

function toInfo({ tool, schema, breaker }: Entry): ToolInfo {
  const reason = tool.unavailable?.() ?? tool.place?.trouble();
  return {
    name: tool.name,
    description: tool.description,
    effect: tool.effect,
    source: tool.source ?? 'builtin',
    input_schema: schema,
    available: reason === undefined,
    ...(reason !== undefined && { unavailable_reason: reason }),
    breaker: breaker.state(),
    ...(tool.place !== undefined && { runs_at: tool.place.target }),
  };
}

async function attempt(
  { tool, schema, breaker }: Entry,
  args: unknown,
  context: ToolContext,
  log: Log,
): Promise<ToolOutcome> {
  const reason = tool.unavailable?.();
  if (reason !== undefined) return failedOutcome('error', `${tool.name} cannot be used here: ${reason}`);
  const parsed = tool.input.safeParse(args ?? {});
  if (!parsed.success) return failedOutcome('error', explain(tool.name, parsed.error, schema));
  try {
    const breakerCall = breaker.begin();
    try {
      const result = await execute(tool, parsed.data, context);
      await breakerCall.end(result.isFault === true ? 'fault' : 'ok');
      return outcomeOf(result);
    } catch (thrown) {
      await breakerCall.end(breakerOutcomeOf(thrown));
      throw thrown;
    }
  } catch (thrown) {
    if (context.signal.aborted) throw cancelled(thrown);
    const error = ReeveError.from(thrown);
    if (error.reason === 'cancelled' || error.reason === 'shutting_down') throw error;
    if (error.reason === 'timeout') return failedOutcome('timeout', error.message);
    if (error.reason === 'circuit_open') return failedOutcome('circuit_open', error.message);
    if (error.reason === 'limit_reached') return failedOutcome('error', error.message);
    log.error({ err: thrown, tool: tool.name }, 'a tool failed by its own fault');
    return failedOutcome(
      'error',
      error.reason === 'internal' ? `${tool.name} failed by a fault of its own, not of the arguments` : error.message,
    );
  }
}

/** Runs a tool within its time. Throws only for its own faults, and for cancellation. */
async function execute(tool: Tool, input: unknown, context: ToolContext): Promise<ToolResult> {
  const deadline = new AbortController();
  const signal = AbortSignal.any([context.signal, deadline.signal]);
  const stopped = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    stopped.reject(new ReeveError('timeout', `${tool.name} did not answer within ${tool.timeoutMs} ms`));
    deadline.abort();
  }, tool.timeoutMs);
  const cancel = () => stopped.reject(cancelled());
  context.signal.addEventListener('abort', cancel, { once: true });
  try {
    return await Promise.race([tool.execute(input, { ...context, signal }), stopped.promise]);
  } catch (thrown) {
    if (thrown instanceof ReeveError && isAboutInput(thrown))
      return { status: 'error', result: { error: thrown.message } };
    throw thrown;
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', cancel);
  }
}

function isAboutInput({ code }: ReeveError): boolean {
  return ['invalid_argument', 'not_found', 'already_exists', 'failed_precondition', 'permission_denied'].includes(code);
}

function cancelled(cause?: unknown): ReeveError {
  return new ReeveError('cancelled', 'the run was cancelled', cause === undefined ? {} : { cause });
}
