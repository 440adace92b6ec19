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
import { guardedFetch } from './guarded-fetch.ts';
import { MAX_TOOLS, selectOfferableTools } from './listing.ts';
import { readResult, type RemoteResult } from './result.ts';
import { redactSecrets, secretsSentTo, type Redact } from './secrets.ts';
import type { ProgramTransport, Programs } from './programs.ts';
import {
  CONNECT_MS,
  displayName,
  type ServerEndpoint,
  type ToolListing,
  type RemoteTool,
  type Target,
} from './server.ts';

/** A connected server. Secrets that we sent are redacted from everything it returns. `explainFailure` maps what its functions throw. */
export interface RemoteServer extends AsyncDisposable {
  /** Reads the server’s name, versions and tools. */
  list(): Promise<ToolListing>;
  /** Calls a tool. An error that the server reports is a result; only failures of the connection are thrown. */
  call(tool: RemoteTool, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<RemoteResult>;
  /** True if the server assigned a session ID to this connection. */
  hasSession(): boolean;
}

export interface ClientOptions {
  readonly outgoing: Pick<Outgoing, 'open'>;
  /** The version that we report to the server. */
  readonly version: string;
  /** Starts stdio servers. */
  readonly programs: () => Promise<Programs>;
  /** Called when the server closes the connection. */
  readonly onClosed?: () => void;
  /** Aborting it ends every request and every program. */
  readonly stopping: AbortSignal;
}

const CLOSE_MS = 2_000;
/** Time for a program to answer version negotiation; a silent one is treated as a server of revision 2025-11-25. */
const PROBE_MS = 5_000;
/** Time limit for all pages of a tool list. */
const LIST_MS = 20_000;
const MAX_PAGES = 32;
const ERROR_LENGTH = 500;
/** Statuses that mean an unknown session, if the connection has one; otherwise they concern the call. */
const SESSION_GONE: ReadonlySet<number> = new Set([400, 404]);
/** SDK errors that concern one call and leave the connection usable. */
const OF_THE_CALL: ReadonlySet<string> = new Set([
  SdkErrorCode.RequestTimeout,
  SdkErrorCode.InvalidResult,
  SdkErrorCode.ClientHttpUnexpectedContent,
]);

/** Connects to a server with the newest protocol revision that it supports. */
export async function openRemoteServer(server: ServerEndpoint, options: ClientOptions): Promise<RemoteServer> {
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
    return createRemoteServer(client, server, { hasSession: () => transport.sessionId !== undefined, endSession });
  }
  const { transportTo } = await programs();
  const start = () => transportTo(server, target, stopping);
  const { client, transport } = await connectToProgram(start, options);
  return createRemoteServer(client, server, { hasSession: () => false, failure: transport.failure });
}

/** Some older programs exit on version negotiation: they are started once more without it. */
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
      // A server's schemas are not evaluated here: their regular expressions may never terminate.
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

/** What differs between the transports. */
interface TransportHooks {
  hasSession(): boolean;
  endSession?(): Promise<void>;
  /** Why the transport failed; undefined while it works or if the cause is unknown. */
  failure?(): ReeveError | undefined;
}

function createRemoteServer(
  client: Client,
  { target, timeoutMs }: ServerEndpoint,
  hooks: TransportHooks,
): RemoteServer {
  const redact = redactSecrets(target);
  /** The transport's failure explains more than the SDK's error. */
  const rethrowCause = (error: unknown): never => {
    throw hooks.failure?.() ?? error;
  };
  return {
    hasSession: hooks.hasSession,
    async list() {
      const tools = await listTools(client, redact).catch(rethrowCause);
      const { name = null, version: its = null } = client.getServerVersion() ?? {};
      const protocolVersion = client.getNegotiatedProtocolVersion() ?? null;
      return { tools, protocolVersion, serverName: short(name, redact), serverVersion: short(its, redact) };
    },
    async call({ name, input_schema: schema }, input, signal) {
      const toolDefinition = { name, inputSchema: { ...schema, type: 'object' as const } };
      const options = { signal, timeout: timeoutMs, toolDefinition };
      try {
        return readResult(await client.callTool({ name, arguments: { ...input } }, options), redact);
      } catch (error) {
        if (error instanceof ProtocolError)
          return { status: 'error', content: { error: redact(error.message) }, links: [], files: [] };
        return rethrowCause(error);
      }
    },
    async [Symbol.asyncDispose]() {
      await hooks.endSession?.();
      await client.close();
    },
  };
}

/** Reads page by page until `MAX_TOOLS` or `MAX_PAGES`, since a list may have no end. */
async function listTools(client: Client, redact: Redact): Promise<RemoteTool[]> {
  const signal = AbortSignal.timeout(LIST_MS);
  let kept: RemoteTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && kept.length < MAX_TOOLS; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: 'tools/list', params }, { timeout: CONNECT_MS, signal });
    kept = selectOfferableTools(kept, answer.tools, redact);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return kept;
}

/** What a failure means for the caller and for the connection. */
export interface RemoteFailure {
  /** The error for the caller, with secrets redacted. */
  readonly error: ReeveError;
  /** Only this call failed; the connection can be used again. */
  readonly isOfTheCall: boolean;
  /** The server no longer knows the session and did not execute the call. */
  readonly isSessionGone: boolean;
}

/** Maps a failure of a connected server; `hasSession`: the connection had a session. */
export function explainFailure(thrown: unknown, target: Target, hasSession: boolean): RemoteFailure {
  const code = thrown instanceof SdkError ? thrown.code : undefined;
  const isSessionGone = hasSession && thrown instanceof SdkHttpError && SESSION_GONE.has(thrown.status);
  return {
    error: findGuardError(thrown) ?? errorOf(thrown, target),
    isOfTheCall:
      thrown instanceof ProtocolError ||
      (thrown instanceof SdkHttpError && !isSessionGone) ||
      (code !== undefined && OF_THE_CALL.has(code)) ||
      (thrown instanceof Error && thrown.name === 'AbortError'),
    isSessionGone,
  };
}

function errorOf(thrown: unknown, target: Target): ReeveError {
  const place = displayName(target);
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout)
    return new ReeveError('timeout', `${place} did not answer in time`, { cause: thrown });
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const why = thrown instanceof SdkHttpError ? `it answers with HTTP ${thrown.status}` : text;
  const message = createMask(secretsSentTo(target)).text(`${place} does not answer as an MCP server: ${why}`);
  return new ReeveError('upstream_error', storableText(message.slice(0, ERROR_LENGTH)), { cause: thrown });
}

/** The error of the outgoing-request guard, if it caused the SDK’s error. */
function findGuardError(thrown: unknown): ReeveError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) if (error instanceof ReeveError) return error;
  return undefined;
}

function short(text: string | null, redact: Redact): string | null {
  return text === null ? null : storableText(redact(text).slice(0, 200));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
