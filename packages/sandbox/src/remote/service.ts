import { PassThrough } from 'node:stream';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import {
  Channel,
  Programs,
  type ExecRequest as Input,
  type ExecResponseSchema,
  type Program,
} from '@reeve/contract/proto/reeve/v1/programs';
import { ReeveError, within, type Log } from '@reeve/kit';
import { callerOf, isRole, type RpcService } from '@reeve/rpc';
import type { Egress } from '../egress/egress.ts';
import type { Sandbox } from '../open.ts';
import { fromProgram, piecesOf, SILENT_MS, STDIN_WINDOW, toEnded } from './program-message.ts';
import { createQueue, type Queue } from './queue.ts';
import { createQuestionSender, type QuestionSender } from './egress.ts';
import { fromRootedPath, workspaceRootOf, type Roots, type WorkspaceRoot } from './roots.ts';
import type { ExecResult, OutputStream, ReadOnlyDirectory, SandboxRequest } from '../sandbox.ts';

/** What the service depends on. */
export interface ProgramsServiceParts {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  /** Directories of this machine that they work in, and that they can be given to read; by the names that both sides know. */
  readonly workspaces: Readonly<Record<string, WorkspaceRoot>>;
  readonly folders: Roots;
  /** Connects to a host that the caller has let through, if its addresses may be reached from here. */
  readonly connect: Egress['connect'];
  readonly log: Log;
  /** How long a caller may be silent, in milliseconds. */
  readonly silentMs?: number;
}

type Event = MessageInitShape<typeof ExecResponseSchema>;

/** Output queued for a caller before the program is held back, if it is streamed only. */
const AHEAD_BYTES = 1024 * 1024;
/** Approximate size of an event besides its text. */
const EVENT_BYTES = 128;
/** How long the program itself may take to come. */
const BEGIN_MS = 10_000;

export { workspaceRoot } from './roots.ts';

/** The `Programs` service over the sandbox of this process, for Reeve's own roles alone. */
export function programsService(places: ProgramsServiceParts): RpcService {
  return {
    service: Programs,
    routes: (router) => router.service(Programs, { exec: (inputs, context) => run(places, inputs, context) }),
  };
}

/** Runs one program: reads the caller’s messages, streams output, and kills it if the caller is gone. */
async function* run(
  places: ProgramsServiceParts,
  inputs: AsyncIterable<Input>,
  context: HandlerContext,
): AsyncGenerator<Event> {
  if (!isRole(callerOf(context)))
    throw new ReeveError('forbidden', 'only roles of Reeve run programs here; others call tools');
  const iterator = inputs[Symbol.asyncIterator]();
  const program = await firstOf(iterator);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const events = createQueue<Event>(AHEAD_BYTES);
  const stdin = program.hasStdin ? new PassThrough() : undefined;
  // A program need not read all of its input.
  stdin?.on('error', () => undefined);
  const asker = createQuestionSender(
    (value) => events.push({ event: { case: 'question', value } }),
    places.connect,
    signal,
  );
  const listening = listen(iterator, places.silentMs ?? SILENT_MS, { stdin, asker, events, stop });
  // From then on output listeners must not be awaited.
  signal.addEventListener('abort', () => events.end(), { once: true });
  const running = execute(places, program, { stdin, asker, events }, signal).finally(() => events.end());
  // Awaited below, after its output has been delivered.
  running.catch(() => undefined);
  try {
    yield* events;
    const result = await running.catch((error: unknown) => {
      throw stop.signal.aborted && !context.signal.aborted
        ? new ReeveError('cancelled', 'the caller was silent for too long, or said what cannot be', { cause: error })
        : error;
    });
    for (const value of piecesOf(result)) yield { event: { case: 'kept', value } };
    yield { event: { case: 'ended', value: toEnded(result) } };
  } finally {
    stop.abort();
    listening[Symbol.dispose]();
  }
}

async function firstOf(iterator: AsyncIterator<Input>): Promise<Program> {
  const first = await within(BEGIN_MS, 'the caller', iterator.next());
  const input = first.done === true ? undefined : (first.value.input satisfies Input['input']);
  if (input?.case !== 'program') throw new ReeveError('invalid_request', 'the first message must be the program');
  return input.value;
}

/** The streams of one program. */
interface Way {
  readonly stdin: PassThrough | undefined;
  readonly asker: QuestionSender;
  readonly events: Queue<Event>;
}

/** Reads the caller’s messages; silence or an invalid message ends the program. Disposing stops reading. */
function listen(
  iterator: AsyncIterator<Input>,
  silentMs: number,
  { stop, ...way }: Way & { readonly stop: AbortController },
): Disposable {
  const silence = setTimeout(() => stop.abort(), silentMs);
  const read = async (): Promise<void> => {
    for (;;) {
      const next = await iterator.next();
      // The caller has its answer or is gone.
      if (next.done === true) break;
      silence.refresh();
      if (!hear((next.value as Input).input, way)) break;
    }
    stop.abort();
  };
  read().catch(() => stop.abort());
  return { [Symbol.dispose]: () => clearTimeout(silence) };
}

/** Handles one message; false if it ends the program. */
function hear(input: Input['input'], { stdin, asker, events }: Way): boolean {
  switch (input.case) {
    case 'stdin': {
      const { length } = input.value;
      if (stdin === undefined || stdin.destroyed) break;
      if (stdin.writableLength + length > STDIN_WINDOW) return false;
      stdin.write(input.value, () => events.push({ event: { case: 'stdinTaken', value: length } }));
      break;
    }
    case 'stdinEnd':
      stdin?.end();
      break;
    case 'verdict':
      asker.hear(input.value);
      break;
    case 'alive':
      break;
    default:
      return false;
  }
  return true;
}

/** Runs it on this machine's own directories. */
async function execute(
  { sandbox, workspaces, folders, log }: ProgramsServiceParts,
  program: Program,
  { stdin, asker, events }: Way,
  signal: AbortSignal,
): Promise<ExecResult> {
  const asked = fromProgram(program);
  const { workspace: at, readOnly, tellsOutput, opensHosts } = program;
  const tell = (stream: OutputStream, text: string) => {
    const channel = stream === 'stdout' ? Channel.STDOUT : Channel.STDERR;
    events.push({ event: { case: 'output', value: { channel, text } } }, Buffer.byteLength(text) + EVENT_BYTES);
    return asked.keepsOutput === false ? events.held() : undefined;
  };
  const request: SandboxRequest = {
    ...asked,
    readOnly: await foldersOf(folders, readOnly, log),
    ...(stdin !== undefined && { stdin }),
    ...(opensHosts && { egress: asker.egress }),
    ...(tellsOutput && { onOutput: tell }),
    ...(at !== undefined && (await workspaceOf(workspaceRootOf(workspaces, at.root), at.path, asked.limits, signal))),
  };
  const startedAt = performance.now();
  let status = 'cancelled';
  try {
    const result = await sandbox.exec(request, signal);
    ({ status } = result);
    return result;
  } catch (error) {
    if (!signal.aborted) status = ReeveError.from(error).reason;
    throw error;
  } finally {
    const where = at === undefined ? {} : { workspace: `${at.root}/${at.path}` };
    const seen = readOnly.map(({ directory }) => `${directory?.root}/${directory?.path}`);
    const duration_ms = Math.round(performance.now() - startedAt);
    const { language } = asked;
    log.info({ language, ...where, read_only: seen, opens_hosts: opensHosts, status, duration_ms }, 'a program ran');
  }
}

async function foldersOf(roots: Roots, asked: Program['readOnly'], log: Log): Promise<ReadOnlyDirectory[]> {
  const found = await Promise.all(
    asked.map(async ({ directory, at }) => {
      const path = directory && (await fromRootedPath(roots, directory));
      if (path !== undefined) return [{ path, at }];
      log.warn({ folder: `${directory?.root}/${directory?.path}` }, 'a folder that a program asks for is not here');
      return [];
    }),
  );
  return found.flat();
}

/** The workspace with its remaining room on this machine, whatever the caller allows. */
async function workspaceOf(root: WorkspaceRoot, path: string, limits: SandboxRequest['limits'], signal: AbortSignal) {
  const workspace = await root.open(path);
  const room = await root.quota.allowance(workspace, signal);
  return {
    workspace,
    limits: {
      ...limits,
      diskBytes: Math.min(room.diskBytes, limits?.diskBytes ?? Infinity),
      files: Math.min(room.files, limits?.files ?? Infinity),
    },
  };
}
