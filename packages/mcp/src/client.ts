import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import type { Outgoing } from '@reeve/http';
import { createMask, ReeveError, storableText } from '@reeve/kit';
import type { ToolResult } from '@reeve/tools';
import { guardedFetch } from './guarded-fetch.ts';
import { MAX_TOOLS, toolsKept } from './listing.ts';
import { resultOf } from './result.ts';
import { hideSent, sentTo, type Hide } from './secrets.ts';
import type { ProgramTransport, Programs } from './programs.ts';
import { CONNECT_MS, placeOf, type Askable, type Listing, type RemoteTool, type Target } from './server.ts';

/** A server that we are connected to. Nothing that it says holds a secret that it was sent. What its functions throw, `faultOf` explains. */
export interface Remote extends AsyncDisposable {
  /** Reads what the server tells of itself and its tools. */
  list(): Promise<Listing>;
  /** Calls a tool. What the server says against the call is a result; only faults are thrown. */
  call(tool: RemoteTool, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<ToolResult>;
  /** The server gave the connection a session. */
  hasSession(): boolean;
}

export interface ClientOptions {
  readonly outgoing: Pick<Outgoing, 'open'>;
  /** What we call ourselves. */
  readonly version: string;
  /** Where servers that are programs run. */
  readonly programs: () => Promise<Programs>;
  /** Told that the other side has closed the connection. */
  readonly onClosed?: () => void;
  /** Ends every request and every program when it aborts. */
  readonly stopping: AbortSignal;
}

const CLOSE_MS = 2_000;
/** For a program's answer to what it speaks; one that stays silent is asked as those of 2025-11-25 are. */
const PROBE_MS = 5_000;
/** For all pages of a list. */
const LIST_MS = 20_000;
const MAX_PAGES = 32;
const ERROR_LENGTH = 500;
/** What servers answer about a session that they do not know any more; without one it is about the call. */
const SESSION_GONE: ReadonlySet<number> = new Set([400, 404]);
/** What one answer was, or was not. */
const OF_THE_CALL: ReadonlySet<string> = new Set([
  SdkErrorCode.RequestTimeout,
  SdkErrorCode.InvalidResult,
  SdkErrorCode.ClientHttpUnexpectedContent,
]);

/** Connects to a server, in the newest revision that it speaks. */
export async function openRemote(server: Askable, options: ClientOptions): Promise<Remote> {
  const { target, timeoutMs } = server;
  const { outgoing, programs, stopping } = options;
  if (target.transport === 'http') {
    const transport = new StreamableHTTPClientTransport(new URL(target.url), {
      fetch: guardedFetch(outgoing, timeoutMs + CONNECT_MS, stopping),
      requestInit: { headers: target.headers },
      onInsufficientScope: 'throw',
    });
    const client = await connect(transport, 'auto', options);
    const endSession = async () => {
      if (transport.sessionId !== undefined)
        await Promise.race([transport.terminateSession().catch(() => undefined), pause(CLOSE_MS)]);
    };
    return remoteOf(client, server, { hasSession: () => transport.sessionId !== undefined, endSession });
  }
  const { transportTo } = await programs();
  const start = () => transportTo(server, target, stopping);
  const { client, transport } = await connectToProgram(start, options);
  return remoteOf(client, server, { hasSession: () => false, failure: transport.failure });
}

/** Some older programs end when they are asked what they speak: those are started once more, and not asked. */
async function connectToProgram(
  start: () => ProgramTransport,
  options: ClientOptions,
  mode: 'auto' | 'legacy' = 'auto',
): Promise<{ client: Client; transport: ProgramTransport }> {
  const transport = start();
  try {
    return { client: await connect(transport, mode, options), transport };
  } catch (error) {
    if (mode === 'legacy' || !transport.hasExited()) throw transport.failure() ?? error;
  }
  return connectToProgram(start, options, 'legacy');
}

async function connect(
  transport: Transport,
  mode: 'auto' | 'legacy',
  { version, onClosed }: ClientOptions,
): Promise<Client> {
  const isProgram = 'pid' in transport;
  const client = new Client(
    { name: 'reeve', version },
    {
      versionNegotiation: { mode, ...(isProgram && { probe: { timeoutMs: PROBE_MS } }) },
      inputRequired: { autoFulfill: false },
      // A server's own schemas are not run here: they may hold patterns that never end.
      jsonSchemaValidator: {
        getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }),
      },
    },
  );
  try {
    await client.connect(transport, { timeout: CONNECT_MS });
  } catch (error) {
    await client.close();
    throw error;
  }
  if (onClosed !== undefined) client.onclose = onClosed;
  return client;
}

/** What is different from one way to a server to another. */
interface Way {
  hasSession(): boolean;
  endSession?(): Promise<void>;
  /** Why it is not there any more; undefined where it is, or nobody knows. */
  failure?(): ReeveError | undefined;
}

function remoteOf(client: Client, { target, timeoutMs }: Askable, way: Way): Remote {
  const hide = hideSent(target);
  /** What made the way impassable says more than that it is. */
  const orWhy = (error: unknown): never => {
    throw way.failure?.() ?? error;
  };
  return {
    hasSession: way.hasSession,
    async list() {
      const tools = await listTools(client, hide).catch(orWhy);
      const { name = null, version: its = null } = client.getServerVersion() ?? {};
      const protocolVersion = client.getNegotiatedProtocolVersion() ?? null;
      return { tools, protocolVersion, serverName: short(name, hide), serverVersion: short(its, hide) };
    },
    async call({ name, input_schema: schema }, input, signal) {
      const toolDefinition = { name, inputSchema: { ...schema, type: 'object' as const } };
      const options = { signal, timeout: timeoutMs, toolDefinition };
      try {
        const { status, result } = resultOf(await client.callTool({ name, arguments: { ...input } }, options));
        return { status, result: hide(result) };
      } catch (error) {
        if (error instanceof ProtocolError) return { status: 'error', result: { error: hide(error.message) } };
        return orWhy(error);
      }
    },
    async [Symbol.asyncDispose]() {
      await way.endSession?.();
      await client.close();
    },
  };
}

/** Page by page, as many tools as are kept: a list may have no end. */
async function listTools(client: Client, hide: Hide): Promise<RemoteTool[]> {
  const signal = AbortSignal.timeout(LIST_MS);
  let kept: RemoteTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && kept.length < MAX_TOOLS; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: 'tools/list', params }, { timeout: CONNECT_MS, signal });
    kept = toolsKept(kept, answer.tools, hide);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return kept;
}

/** What a failure says of the connection. */
export interface Fault {
  /** For who asked, without a secret of the headers. */
  readonly error: ReeveError;
  /** The connection is as good as it was: the next call may do better over it. */
  readonly isOfTheCall: boolean;
  /** The server has forgotten the session, and did nothing. */
  readonly isSessionGone: boolean;
}

/** Explains what a server that we are connected to failed with; `hasSession`: it was in a session. */
export function faultOf(thrown: unknown, target: Target, hasSession: boolean): Fault {
  const code = thrown instanceof SdkError ? thrown.code : undefined;
  const isSessionGone = hasSession && thrown instanceof SdkHttpError && SESSION_GONE.has(thrown.status);
  return {
    error: guardsError(thrown) ?? errorOf(thrown, target),
    isOfTheCall:
      thrown instanceof ProtocolError ||
      (thrown instanceof SdkHttpError && !isSessionGone) ||
      (code !== undefined && OF_THE_CALL.has(code)) ||
      (thrown instanceof Error && thrown.name === 'AbortError'),
    isSessionGone,
  };
}

function errorOf(thrown: unknown, target: Target): ReeveError {
  const place = placeOf(target);
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout)
    return new ReeveError('timeout', `${place} did not answer in time`, { cause: thrown });
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const why = thrown instanceof SdkHttpError ? `it answers with HTTP ${thrown.status}` : said;
  const message = createMask(sentTo(target)).text(`${place} does not answer as an MCP server: ${why}`);
  return new ReeveError('upstream_error', storableText(message.slice(0, ERROR_LENGTH)), { cause: thrown });
}

/** The error of the guard of outgoing requests, where that is what stopped the SDK. */
function guardsError(thrown: unknown): ReeveError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) if (error instanceof ReeveError) return error;
  return undefined;
}

function short(text: string | null, hide: Hide): string | null {
  return text === null ? null : storableText(hide(text).slice(0, 200));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
