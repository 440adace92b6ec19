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
import { sentTo } from './secrets.ts';
import { placeOf, type Askable, type StdioTarget } from './server.ts';

/*
 * A server that is a program runs in the sandbox while its connection is open, and talks with us in lines of JSON:
 *
 *     running ──we close: its input ends──► ending ──exits, or is killed after a while──► dead
 *        └──exits, says too much, breaks a limit, Reeve stops──► dead
 *
 * It has a workspace of its own, which it finds again the next time on the machine that it runs on, and no network but what a policy opens.
 */

/** Where servers that are programs run. */
export interface ProgramPlace {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  /** A directory of the host, or one that the sandbox elsewhere has too, with what they are made of; they see it as `/mcp`. */
  readonly directory: string;
  readonly workspaces: Pick<Workspaces, 'open' | 'remove' | 'quota'>;
  /** Hosts that a server may reach; undefined where that is none. */
  egressOf(server: Askable): Promise<Egress | undefined>;
}

export interface Programs {
  /** The way to a server, which is started when the way is opened. */
  transportTo(server: Askable, target: StdioTarget, stopping: AbortSignal): ProgramTransport;
}

export interface ProgramTransport extends Transport {
  /** Why the program is not there any more; undefined while it is, and where we closed it. */
  failure(): ReeveError | undefined;
  /** It ended by itself. */
  hasExited(): boolean;
  /** By these the SDK knows a program, which may be silent when it is asked what it speaks. */
  readonly pid: null;
  readonly stderr: null;
}

const AT = '/mcp';
const MIB = 1024 * 1024;
/** In this process: each takes memory, and is watched. */
const MOST_RUNNING = { inAll: 32, ofTenant: 8 };
/** What may wait for a program that does not read it. */
const MAX_WAITING_BYTES = 8 * MIB;
/** How long one may go on after its input has ended. */
const GRACE_MS = 2_000;
const LIFETIME_MS = 24 * 3_600_000;
const CPU_MS = 3_600_000;
const MEMORY_BYTES = 512 * MIB;
/** Lets Node collect before that is used up. */
const VARIABLES = { NODE_OPTIONS: '--max-old-space-size=384' };
const MAX_OUTPUT_BYTES = 1024 * MIB;
/** What is kept of what it says on standard error, where a value may be 8 192 characters long, and told of that. */
const KEPT_ERRORS = 16_384;
const TOLD_ERRORS = 300;
/** Those of Node and of Python. */
const STACK_PLACES = /^[ \t]+(?:at |File "|[\^~]+$).*\n?/gm;

export function createPrograms({ sandbox, directory, workspaces, egressOf }: ProgramPlace): Programs {
  /** Their tenants. */
  const running: string[] = [];

  /** Runs a server to its end. */
  async function run(
    server: Askable,
    { command, args, env }: StdioTarget,
    stdin: PassThrough,
    onOutput: (stream: OutputStream, text: string) => void,
    signal: AbortSignal,
  ): Promise<ExecResult> {
    const { tenantId } = server;
    const ofTenant = running.filter((one) => one === tenantId).length;
    if (running.length >= MOST_RUNNING.inAll || ofTenant >= MOST_RUNNING.ofTenant)
      throw new ReeveError('limit_reached', `${ofTenant} of your MCP servers run here already: try again in a minute`);
    running.push(tenantId);
    try {
      const workspace = await workspaces.open(tenantId, server.id);
      const [room, egress] = await Promise.all([workspaces.quota.allowance(workspace, signal), egressOf(server)]);
      const request = {
        language: 'bash',
        code: `exec -- ${[command, ...args].map(quoted).join(' ')}`,
        readOnly: [{ path: directory, at: AT }],
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
      const mask = createMask(sentTo(target));
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
          failure ??= upstreamError(target, `ended: ${tellEnd(result, mask.text(errors))}`);
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
          // What the program asks itself is answered, too; that is no reason for it to say more.
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

/** How a program ended, with the last that it said of it but for the places of a stack, which would leave no room for the reason. */
function tellEnd(result: ExecResult, errors: string): string {
  const how = result.status === 'success' ? 'it exited with 0' : result.message;
  const last = errors.replace(STACK_PLACES, '').trim().slice(-TOLD_ERRORS);
  return last === '' ? how : `${how}: ${last}`;
}

function upstreamError(target: StdioTarget, what: string, cause?: unknown): ReeveError {
  const message = createMask(sentTo(target)).text(`${placeOf(target)} ${what}`);
  return new ReeveError('upstream_error', storableText(message), cause === undefined ? {} : { cause });
}

/** A word of a shell command, as it stands. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
