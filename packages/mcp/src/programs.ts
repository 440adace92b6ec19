import { PassThrough } from 'node:stream';
import {
  isJSONRPCRequest,
  SdkError,
  SdkErrorCode,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/client';
import { createMask, ReeveError, sleep, storableText } from '@reeve/kit';
import type { Egress, ExecResult, OutputStream, Sandbox, Workspaces } from '@reeve/sandbox';
import { createMessageReader } from './message-reader.ts';
import { secretsSentTo } from './secrets.ts';
import { displayName, type ServerEndpoint, type StdioTarget } from './server.ts';

/*
 * A stdio server runs in the sandbox while its connection is open and exchanges lines of JSON:
 *
 *     running ──we close: its input ends──► ending ──exits, or is killed after a while──► dead
 *        └──exits, says too much, breaks a limit, Reeve stops──► dead
 *
 * It has a workspace of its own, which persists on its machine, and no network except what a policy allows.
 */

/** The sandbox, files and network of stdio servers. */
export interface ProgramHost {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  /** The directory with the programs' files, on this host or in the remote sandbox; mounted as `/mcp`. */
  readonly directory: string;
  readonly workspaces: Pick<Workspaces, 'open' | 'remove' | 'quota'>;
  /** The hosts that a server may reach; undefined if none. */
  egressOf(server: ServerEndpoint): Promise<Egress | undefined>;
}

export interface Programs {
  /** A transport to a server, which starts when the transport is opened. */
  transportTo(server: ServerEndpoint, target: StdioTarget, stopping: AbortSignal): ProgramTransport;
}

export interface ProgramTransport extends Transport {
  /** Why the program ended; undefined while it runs or if we closed it. */
  failure(): ReeveError | undefined;
  /** True if the program exited by itself. */
  hasExited(): boolean;
  /** The SDK recognizes a stdio transport by these fields, and then tolerates silence in version negotiation. */
  readonly pid: null;
  readonly stderr: null;
}

const MOUNT_POINT = '/mcp';
const MIB = 1024 * 1024;
/** Per process: each program takes memory and supervision. */
const MAX_RUNNING = { inAll: 32, ofTenant: 8 };
/** Bytes buffered for a program that does not read its input. */
const MAX_WAITING_BYTES = 8 * MIB;
/** Time for a program to exit after its input ends. */
const GRACE_MS = 2_000;
const LIFETIME_MS = 24 * 3_600_000;
const CPU_MS = 3_600_000;
const MEMORY_BYTES = 512 * MIB;
/** Makes Node collect garbage before the limit. */
const VARIABLES = { NODE_OPTIONS: '--max-old-space-size=384' };
const MAX_OUTPUT_BYTES = 1024 * MIB;
/** Characters of standard error that are kept (one value may be 8,192 long) and that are reported. */
const KEPT_ERRORS = 16_384;
const TOLD_ERRORS = 300;
/** Stack frames of Node and Python. */
const STACK_PLACES = /^[ \t]+(?:at |File "|[\^~]+$).*\n?/gm;

export function createPrograms({ sandbox, directory, workspaces, egressOf }: ProgramHost): Programs {
  /** Their tenants. */
  const running: string[] = [];

  /** Runs a server to its end. */
  async function run(
    server: ServerEndpoint,
    { command, args, env }: StdioTarget,
    stdin: PassThrough,
    onOutput: (stream: OutputStream, text: string) => void,
    signal: AbortSignal,
  ): Promise<ExecResult> {
    const { tenantId } = server;
    const ofTenant = running.filter((one) => one === tenantId).length;
    if (running.length >= MAX_RUNNING.inAll || ofTenant >= MAX_RUNNING.ofTenant)
      throw new ReeveError('limit_reached', `${ofTenant} of your MCP servers run here already: try again in a minute`);
    running.push(tenantId);
    try {
      const workspace = await workspaces.open(tenantId, server.id);
      const [room, egress] = await Promise.all([workspaces.quota.allowance(workspace, signal), egressOf(server)]);
      const request = {
        language: 'bash',
        code: `exec -- ${[command, ...args].map(quoted).join(' ')}`,
        readOnly: [{ path: directory, at: MOUNT_POINT }],
        limits: { ...room, cpuMs: CPU_MS, memoryBytes: MEMORY_BYTES },
        timeoutMs: LIFETIME_MS,
        maxOutputBytes: MAX_OUTPUT_BYTES,
        keepsOutput: false,
      } as const;
      const variables = { ...VARIABLES, ...env };
      return await sandbox.exec({ ...request, workspace, env: variables, egress, stdin, onOutput }, signal);
    } finally {
      running.splice(running.indexOf(tenantId), 1);
    }
  }

  return {
    transportTo(server, target, stopping) {
      const stdin = new PassThrough();
      const reader = createMessageReader((message) => transport.onmessage?.(message));
      const killed = new AbortController();
      const mask = createMask(secretsSentTo(target));
      let errors = '';
      let failure: ReeveError | undefined;
      let ended: Promise<void> | undefined;
      let isClosing = false;
      let hasExited = false;

      const onOutput = (stream: OutputStream, text: string): void => {
        if (stream === 'stderr') {
          errors = (errors + text).slice(-KEPT_ERRORS);
          return;
        }
        if (killed.signal.aborted) return;
        try {
          reader.add(text);
        } catch (error) {
          failure ??= upstreamError(target, (error as Error).message);
          killed.abort();
        }
      };
      const runToEnd = async (): Promise<void> => {
        try {
          const result = await run(server, target, stdin, onOutput, AbortSignal.any([stopping, killed.signal]));
          hasExited = failure === undefined;
          failure ??= upstreamError(target, `ended: ${describeEnd(result, mask.text(errors))}`);
        } catch (error) {
          failure ??= error instanceof ReeveError ? error : upstreamError(target, 'could not be run', error);
        }
        stdin.destroy();
        transport.onclose?.();
      };

      const transport: ProgramTransport = {
        failure: () => (isClosing ? undefined : failure),
        hasExited: () => hasExited,
        pid: null,
        stderr: null,
        async start() {
          ended = runToEnd();
        },
        async send(message) {
          if (!stdin.writable) throw failure ?? new SdkError(SdkErrorCode.NotConnected, 'the program has ended');
          if (stdin.writableLength + stdin.readableLength > MAX_WAITING_BYTES)
            throw upstreamError(target, 'does not read what it is sent');
          // Answers to the program's own requests do not raise its limits.
          if (isJSONRPCRequest(message)) reader.asked();
          stdin.write(serializeMessage(message));
        },
        async close() {
          isClosing = failure === undefined;
          stdin.end();
          const grace = new AbortController();
          await Promise.race([ended, sleep(GRACE_MS, AbortSignal.any([grace.signal, stopping]))]);
          grace.abort();
          killed.abort();
          await ended;
        },
      };
      return transport;
    },
  };
}

/** How a program ended, with the end of its standard error; stack frames are dropped to leave room for the reason. */
function describeEnd(result: ExecResult, errors: string): string {
  const how = result.status === 'success' ? 'it exited with 0' : result.message;
  const last = errors.replace(STACK_PLACES, '').trim().slice(-TOLD_ERRORS);
  return last === '' ? how : `${how}: ${last}`;
}

function upstreamError(target: StdioTarget, what: string, cause?: unknown): ReeveError {
  const message = createMask(secretsSentTo(target)).text(`${displayName(target)} ${what}`);
  return new ReeveError('upstream_error', storableText(message), cause === undefined ? {} : { cause });
}

/** Quotes a word for the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
