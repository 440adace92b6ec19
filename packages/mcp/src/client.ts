import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { Outgoing } from '@reeve/http';
import { createMask, ReeveError, storableText, type Mask } from '@reeve/kit';
import type { ToolResult } from '@reeve/tools';
import { guardedFetch } from './guarded-fetch.ts';
import { MAX_TOOLS, toolsKept } from './listing.ts';
import { resultOf } from './result.ts';
import { CONNECT_MS, type Listing, type RemoteTool, type ServerTarget } from './server.ts';

/** A server that we are connected to. What its functions throw, `faultOf` explains. */
export interface Remote extends AsyncDisposable {
  /** Reads what the server tells of itself and its tools. */
  list(): Promise<Listing>;
  /** Calls a tool. What the server says against the call is a result; only faults are thrown. */
  call(tool: RemoteTool, input: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<ToolResult>;
}

export interface ClientOptions {
  readonly outgoing: Pick<Outgoing, 'open'>;
  /** What we call ourselves. */
  readonly version: string;
  /** Ends every request when it aborts. */
  readonly stopping: AbortSignal;
}

const CLOSE_MS = 2_000;
/** For all pages of a list. */
const LIST_MS = 20_000;
const MAX_PAGES = 32;
const ERROR_LENGTH = 500;
/** What servers answer about a session that they do not know any more. */
const SESSION_GONE: ReadonlySet<number> = new Set([400, 404]);

/** Connects to a server, in the newest revision that it speaks. */
export async function openRemote(
  target: ServerTarget,
  { outgoing, version, stopping }: ClientOptions,
): Promise<Remote> {
  const transport = new StreamableHTTPClientTransport(new URL(target.url), {
    fetch: guardedFetch(outgoing, target.timeoutMs + CONNECT_MS, stopping),
    requestInit: { headers: target.headers },
    onInsufficientScope: 'throw',
  });
  const client = new Client(
    { name: 'reeve', version },
    {
      versionNegotiation: { mode: 'auto' },
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
  return {
    async list() {
      const tools = await listTools(client);
      const { name = null, version: its = null } = client.getServerVersion() ?? {};
      const protocolVersion = client.getNegotiatedProtocolVersion() ?? null;
      return { tools, protocolVersion, serverName: short(name), serverVersion: short(its) };
    },
    async call({ name, input_schema: schema }, input, signal) {
      const toolDefinition = { name, inputSchema: { ...schema, type: 'object' as const } };
      const options = { signal, timeout: target.timeoutMs, toolDefinition };
      try {
        return resultOf(await client.callTool({ name, arguments: { ...input } }, options));
      } catch (error) {
        if (error instanceof ProtocolError) return { status: 'error', result: { error: error.message } };
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      if (transport.sessionId !== undefined)
        await Promise.race([transport.terminateSession().catch(() => undefined), pause(CLOSE_MS)]);
      await client.close();
    },
  };
}

/** Page by page, as many tools as are kept: a list may have no end. */
async function listTools(client: Client): Promise<RemoteTool[]> {
  const signal = AbortSignal.timeout(LIST_MS);
  let kept: RemoteTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && kept.length < MAX_TOOLS; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: 'tools/list', params }, { timeout: CONNECT_MS, signal });
    kept = toolsKept(kept, answer.tools);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return kept;
}

/** What a failure says of the connection. */
export interface Fault {
  /** For who asked, without a secret of the headers. */
  readonly error: ReeveError;
  /** The connection is as good as it was. */
  readonly isOfTheCall: boolean;
  /** The server has forgotten the session, and did nothing. */
  readonly isSessionGone: boolean;
}

export function faultOf(thrown: unknown, target: ServerTarget): Fault {
  const code = thrown instanceof SdkError ? thrown.code : undefined;
  return {
    error: guardsError(thrown) ?? errorOf(thrown, target),
    isOfTheCall:
      thrown instanceof ProtocolError ||
      code === SdkErrorCode.RequestTimeout ||
      code === SdkErrorCode.InvalidResult ||
      (thrown instanceof Error && thrown.name === 'AbortError'),
    isSessionGone: thrown instanceof SdkHttpError && SESSION_GONE.has(thrown.status),
  };
}

function errorOf(thrown: unknown, { url, headers }: ServerTarget): ReeveError {
  const { host } = new URL(url);
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout)
    return new ReeveError('timeout', `${host} did not answer in time`, { cause: thrown });
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const why = thrown instanceof SdkHttpError ? `it answers with HTTP ${thrown.status}` : said;
  const message = maskOf(url, headers).text(`${host} does not answer as an MCP server: ${why}`);
  return new ReeveError('upstream_error', storableText(message.slice(0, ERROR_LENGTH)), { cause: thrown });
}

/** Takes out what the server was sent, whole or in its parts, since it may say it again. */
function maskOf(url: string, headers: ServerTarget['headers']): Mask {
  const sent = [...Object.values(headers), ...new URL(url).searchParams.values()];
  return createMask(sent.flatMap((value) => [value, ...value.split(/\s+/)]));
}

/** The error of the guard of outgoing requests, where that is what stopped the SDK. */
function guardsError(thrown: unknown): ReeveError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) if (error instanceof ReeveError) return error;
  return undefined;
}

function short(text: string | null): string | null {
  return text === null ? null : storableText(text.slice(0, 200));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
