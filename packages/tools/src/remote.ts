import { createClient, type Client } from '@connectrpc/connect';
import { ToolStatus } from '@reeve/contract';
import { Sandbox as SandboxService, type ExecuteToolResponse } from '@reeve/contract/proto/reeve/v1/sandbox';
import {
  Background,
  createBreaker,
  currentContext,
  newId,
  newTraceId,
  ReeveError,
  sleep,
  withContext,
  type Breaker,
  type ConfigOf,
  type Log,
} from '@reeve/kit';
import { fromConnectError, MESSAGE_LIMIT, type Channel } from '@reeve/rpc';
import type { Language, Roots, Sandbox } from '@reeve/sandbox';
import { createRemoteDriver } from '@reeve/sandbox/remote';
import { workspaceTools } from './builtin/index.ts';
import type { toolSettings } from './config.ts';
import { RULES_KEPT } from './rpc.ts';
import type { Tool, ToolContext, ToolResult } from './tool.ts';

/*
 * The sandbox of another process, whose disk holds the workspaces. The tools that work in a workspace run there; those that only
 * run a program have it run there from here, so that its hosts, its folders and its output are this process's own matter, as are
 * those of whoever else runs programs.
 *
 *   reachable ──a look fails──► away ──a look succeeds──► reachable
 *
 * It is looked at every few seconds, and what it says of its tools is known from then. One breaker counts the faults of all of
 * them: while it is open calls are refused at once, and the look is what tries whether it may close. Nothing of it ever runs here.
 */

/** The sandbox of another process. Disposing stops looking at it. */
export interface RemoteSandbox extends Pick<Sandbox, 'exec' | 'unavailable' | 'whenProbed'>, AsyncDisposable {
  /** Where programs run, for tools of others. */
  readonly place: NonNullable<Tool['place']>;
  /** The tools that run there, for this process's registry. */
  readonly tools: readonly Tool[];
  /** For `/health`. */
  status(): ReturnType<Sandbox['status']>;
}

export interface RemoteSandboxOptions {
  readonly channel: Channel;
  /** Directories that both sides have. */
  readonly roots: Roots;
  readonly config: ConfigOf<typeof toolSettings>;
  readonly log: Log;
}

/** What is known of a tool there: undefined where it can be used. */
type Known = ReadonlyMap<string, string | undefined>;

const LOOK_MS = 5_000;
const LOOK_AGAIN_MS = 1_000;
const LOOK_PATIENCE_MS = 3_000;
/** How much longer than the tool itself a call may take. */
const WAY_MS = 5_000;
const MAX_ARGS_BYTES = MESSAGE_LIMIT - 64 * 1024;

export function openRemoteSandbox({ channel, roots, config, log }: RemoteSandboxOptions): RemoteSandbox {
  const { target } = channel;
  const client = createClient(SandboxService, channel.transport);
  const driver = createRemoteDriver({ channel, roots });
  const looked = Promise.withResolvers<void>();
  const breaker = createBreaker({
    threshold: config.circuitFailureThreshold,
    resetMs: config.circuitResetTimeoutSeconds * 1_000,
    message: `the sandbox at ${target} failed several times in a row and is paused for a while; do without this tool or try later`,
  });
  const stopping = new AbortController();
  const background = new Background(log);
  let known: Known | undefined;
  let trouble: string | undefined = `the sandbox at ${target} has not answered yet`;

  async function look(): Promise<void> {
    if (!breaker.allows()) return;
    const breakerCall = breaker.begin();
    const isProbe = breaker.state() !== 'closed';
    try {
      known = await knownOf(client, stopping.signal);
      if (trouble !== undefined) log.info({ target }, 'tools that work in a workspace run in the sandbox there');
      trouble = undefined;
      // A look that succeeds must not hide that calls fail.
      await breakerCall.end(isProbe ? 'ok' : 'inconclusive');
    } catch (thrown) {
      const { message } = fromConnectError(thrown, stopping.signal);
      if (stopping.signal.aborted) {
        await breakerCall.end('inconclusive');
        return;
      }
      const told = message.startsWith(target) ? message : `${target} does not answer: ${message}`;
      if (known !== undefined || trouble === undefined || !trouble.endsWith(told))
        log.warn({ target, reason: message }, 'the sandbox cannot be used; nothing runs here instead');
      [known, trouble] = [undefined, `the sandbox at ${told}`];
      await breakerCall.end('fault');
    }
  }

  background.start('looking at the remote sandbox', async () => {
    while (!stopping.signal.aborted) {
      await withContext({ requestId: newId(), traceId: newTraceId() }, look);
      looked.resolve();
      await sleep(trouble === undefined ? LOOK_MS : LOOK_AGAIN_MS, stopping.signal);
    }
  });

  const place = { target, trouble: () => trouble };
  const unavailable = (name: string) => {
    if (known === undefined) return undefined;
    return known.has(name) ? known.get(name) : `the sandbox at ${target} has no such tool`;
  };
  const exec: Sandbox['exec'] = (request, signal) => inRequest(() => driver.exec(request, signal));
  const execForOthers: Sandbox['exec'] = async (request, signal) => {
    try {
      return await exec(request, signal);
    } catch (thrown) {
      throw lost(ReeveError.from(thrown), target, 'a program', 'it may or may not have done its work', true);
    }
  };
  const calling = { client, target, breaker, place, unavailable };
  return {
    tools: [
      ...workspaceTools(NOT_HERE)
        .filter(({ name }) => !isProgram(name))
        .map((tool) => toRemote(tool, calling)),
      ...workspaceTools({ ...NOT_HERE, exec })
        .filter(({ name }) => isProgram(name))
        .map((tool) => toRemoteProgram(tool, calling)),
    ],
    place,
    exec: execForOthers,
    unavailable(language) {
      const tool = PROGRAMS[language];
      if (tool === undefined) return `${language} runs there by its tool alone`;
      return known === undefined ? trouble : unavailable(tool);
    },
    whenProbed: () => looked.promise,
    status() {
      if (trouble !== undefined) return { status: 'degraded', message: `${trouble}; nothing runs here instead` };
      const lacks = [...(known ?? [])].flatMap(([name, reason]) =>
        reason === undefined ? [] : [`${name}: ${reason}`],
      );
      const without = lacks.length === 0 ? '' : `, without ${lacks.join('; ')}`;
      return { status: 'ok', message: `at ${target}${without}` };
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      looked.resolve();
      await background[Symbol.asyncDispose]();
    },
  };
}

/** What the tools that work in a workspace say of a sandbox elsewhere. Throws what the call failed with. */
export async function lookAtRemoteSandbox(channel: Channel, signal: AbortSignal): Promise<Known> {
  try {
    return await knownOf(createClient(SandboxService, channel.transport), signal);
  } catch (thrown) {
    throw fromConnectError(thrown, signal);
  }
}

async function knownOf(client: Client<typeof SandboxService>, signal: AbortSignal): Promise<Known> {
  const { tools } = await client.listTools({}, { timeoutMs: LOOK_PATIENCE_MS, signal });
  const names = new Set(workspaceTools(NOT_HERE).map(({ name }) => name));
  return new Map(
    tools
      .filter(({ name }) => names.has(name))
      .map(({ name, available, unavailableReason }) => [name, available ? undefined : unavailableReason]),
  );
}

/** Stands where a sandbox of this process would: the tools' own code never runs. */
const NOT_HERE: Parameters<typeof workspaceTools>[0] = {
  exec: async () => {
    throw new ReeveError('unavailable', 'nothing runs here, but in the sandbox elsewhere');
  },
  unavailable: () => undefined,
};

/** The tool that runs programs of a language: where it can be used there, others' programs can run. */
const PROGRAMS: Readonly<Partial<Record<Language, string>>> = {
  bash: 'bash_execute',
  python: 'python_execute',
  node: 'node_execute',
};

function isProgram(name: string): boolean {
  return Object.values(PROGRAMS).includes(name);
}

interface Place {
  readonly client: Client<typeof SandboxService>;
  readonly target: string;
  readonly breaker: Breaker;
  readonly place: NonNullable<Tool['place']>;
  readonly unavailable: (name: string) => string | undefined;
}

/** A tool that runs a program, and nothing else, in the sandbox there. */
function toRemoteProgram(tool: Tool, { target, breaker, place, unavailable }: Place): Tool {
  return {
    ...tool,
    breaker,
    place,
    timeoutMs: tool.timeoutMs + 2 * WAY_MS,
    unavailable: () => unavailable(tool.name),
    async execute(input, context) {
      try {
        return await tool.execute(input, context);
      } catch (thrown) {
        throw explained(ReeveError.from(thrown), tool, target);
      }
    },
  };
}

/** A tool that runs there as a whole. */
function toRemote(tool: Tool, { client, target, breaker, place, unavailable }: Place): Tool {
  const timeoutMs = tool.timeoutMs + WAY_MS;
  return {
    ...tool,
    breaker,
    place,
    timeoutMs: timeoutMs + WAY_MS,
    unavailable: () => unavailable(tool.name),
    async execute(input, context) {
      const argsJson = JSON.stringify(input);
      if (Buffer.byteLength(argsJson) > MAX_ARGS_BYTES)
        throw new ReeveError('invalid_request', `the arguments have more than ${MAX_ARGS_BYTES} bytes`);
      const request = { toolName: tool.name, argsJson, sessionId: context.sessionId };
      const options = {
        signal: context.signal,
        timeoutMs,
        headers: { 'x-tenant-id': context.tenantId, [RULES_KEPT]: 'true' },
      };
      try {
        return toResult(await inRequest(() => callRemote(client, request, options, context)));
      } catch (thrown) {
        throw explained(fromConnectError(thrown, context.signal), tool, target);
      }
    },
  };
}

/** Runs with ids that the other side logs; those of the request that is worked on, where there is one. */
function inRequest<T>(work: () => Promise<T>): Promise<T> {
  return currentContext() === undefined ? withContext({ requestId: newId(), traceId: newTraceId() }, work) : work();
}

async function callRemote(
  client: Client<typeof SandboxService>,
  request: { toolName: string; argsJson: string; sessionId: string },
  options: NonNullable<Parameters<Client<typeof SandboxService>['executeTool']>[1]>,
  { onOutput }: ToolContext,
): Promise<ExecuteToolResponse> {
  if (onOutput === undefined) return client.executeTool(request, options);
  for await (const { event } of client.executeStream(request, options)) {
    if (event.case === 'result') return event.value;
    if (event.case !== undefined) onOutput(event.case, event.value);
  }
  throw new ReeveError('unavailable', 'the answer broke off', { unsure: true });
}

/** What a call there came to. That its circuit is open there, or that the tenant may not, is no fault of the way to it. */
function toResult({ status, resultJson, exitCode, stdout, stderr, truncated }: ExecuteToolResponse): ToolResult {
  const said = ToolStatus.parse(status);
  return {
    status: said === 'denied' || said === 'circuit_open' ? 'error' : said,
    result: JSON.parse(resultJson) as unknown,
    stdout,
    stderr,
    exitCode: exitCode ?? null,
    truncated,
  };
}

/** A failure in words for a model: what is wrong, and whether the work may have been done. It is never tried again by itself. */
function explained(error: ReeveError, { name, effect }: Tool, target: string): ReeveError {
  if (effect === 'none') return lost(error, target, name, 'call it again', false);
  return lost(error, target, name, 'it may or may not have done its work: look before you call it again', true);
}

/** The same failure, or, where nobody knows what became of a call, that its connection was lost and what follows. */
function lost(error: ReeveError, target: string, what: string, doubt: string, unsure: boolean): ReeveError {
  if (!error.unsure || error.reason === 'cancelled') return error;
  const message = `the connection to the sandbox at ${target} was lost while ${what} ran (${error.message}); ${doubt}`;
  return new ReeveError(error.reason === 'timeout' ? 'timeout' : 'unavailable', message, { cause: error, unsure });
}
