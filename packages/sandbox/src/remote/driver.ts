import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient, type Client } from '@connectrpc/connect';
import {
  Channel as From,
  Programs,
  type ExecRequestSchema,
  type ExecResponse,
  type Question,
} from '@reeve/contract/proto/reeve/v1/programs';
import { ReeveError } from '@reeve/kit';
import { fromConnectError, type Channel } from '@reeve/rpc';
import { cancelled } from '../system/exec-result.ts';
import { ALIVE_MS, fromEnded, toProgram } from './program-message.ts';
import { SYSTEM_LANGUAGES } from '../system/program.ts';
import { createQueue } from './queue.ts';
import { verdictOn } from './egress.ts';
import { sendStdin } from './stdin.ts';
import type { Roots } from './roots.ts';
import type { ExecResult, SandboxDriver, SandboxRequest } from '../sandbox.ts';

export interface RemoteDriverOptions {
  readonly channel: Channel;
  /** Directories that the process elsewhere has too, by their names there. */
  readonly roots: Roots;
}

/** Programs in the sandbox of another process; one without a workspace has one of its own there. */
export interface RemoteDriver extends SandboxDriver {
  exec(request: SandboxRequest, signal: AbortSignal): Promise<ExecResult>;
}

/**
 * Runs programs in another process by the service `Programs`. A call is sent once; it throws `unavailable` and is `unsure` where the
 * connection is lost, since the program may have done its work. Directories must lie below one of the roots, and what is to be read
 * must be there too.
 */
export function createRemoteDriver({ channel, roots }: RemoteDriverOptions): RemoteDriver {
  const client = createClient(Programs, channel.transport);
  return {
    name: 'remote',
    languages: SYSTEM_LANGUAGES,
    async exec(request, signal) {
      if (signal.aborted) throw cancelled();
      if (!SYSTEM_LANGUAGES.includes(request.language))
        throw new ReeveError('unavailable', `${request.language} does not run in a sandbox elsewhere`);
      const inputs = createQueue<MessageInitShape<typeof ExecRequestSchema>>();
      inputs.push({ input: { case: 'program', value: toProgram(request, roots) } });
      const given = new AbortController();
      let giveUp: NodeJS.Timeout | undefined;
      /** The remote process kills the program and reports once it is dead. */
      const cancel = () => {
        inputs.push({ input: { case: 'cancel', value: {} } });
        giveUp = setTimeout(() => given.abort(), CANCEL_MS);
      };
      signal.addEventListener('abort', cancel, { once: true });
      const beating = setInterval(() => inputs.push({ input: { case: 'alive', value: {} } }), ALIVE_MS);
      try {
        const result = await follow(client, inputs, request, given.signal);
        if (signal.aborted) throw cancelled();
        return result;
      } catch (thrown) {
        throw signal.aborted ? cancelled() : inDoubt(fromConnectError(thrown, given.signal));
      } finally {
        signal.removeEventListener('abort', cancel);
        clearTimeout(giveUp);
        clearInterval(beating);
        inputs.end();
        given.abort();
      }
    },
  };
}

/** How long to wait for a cancelled program to be dead. */
const CANCEL_MS = 5_000;
/** How much longer than the program's own time a call may take: a container has to be made, and removed. */
const AROUND_MS = 60_000;
/** The longest deadline that can be expressed. */
const MOST_MS = 99_999_999;
/** Each connection takes two or three questions, for at most a thousand connections. */
const MAX_QUESTIONS = 4_000;
/** How much larger text can be than the bytes that it was made from. */
const TEXT_GROWTH = 3;
const BESIDES_BYTES = 16 * 1024;

type Inputs = ReturnType<typeof createQueue<MessageInitShape<typeof ExecRequestSchema>>>;

/** A program that ran out of the call's time may have done its work. */
function inDoubt(error: ReeveError): ReeveError {
  return error.reason === 'timeout' ? new ReeveError('timeout', error.message, { cause: error, unsure: true }) : error;
}

/** Sends a program and follows it to its end. The remote output is bounded like a local program’s. */
async function follow(
  client: Client<typeof Programs>,
  inputs: Inputs,
  request: SandboxRequest,
  signal: AbortSignal,
): Promise<ExecResult> {
  const { stdin = '', timeoutMs, maxOutputBytes, maxAnswerBytes = 0 } = request;
  const reading =
    stdin === ''
      ? undefined
      : sendStdin(
          stdin,
          (data) => inputs.push({ input: { case: 'stdin', value: data } }),
          () => inputs.push({ input: { case: 'stdinEnd', value: {} } }),
        );
  const kept = { [From.STDOUT]: [], [From.STDERR]: [], [From.ANSWER]: [] } as Record<number, Uint8Array[]>;
  const textOf = (channel: From) => Buffer.concat(kept[channel] ?? []).toString();
  let toldBytes = TEXT_GROWTH * maxOutputBytes + BESIDES_BYTES;
  let keptBytes = toldBytes + TEXT_GROWTH * maxAnswerBytes;
  let questions = MAX_QUESTIONS;
  let result: ExecResult | undefined;
  /** One after another: each is written down first. */
  let answered = Promise.resolve();
  const answer = async (before: Promise<void>, question: Question): Promise<void> => {
    await before;
    inputs.push({ input: { case: 'verdict', value: await verdictOn(request.egress, question) } });
  };
  /** From then on output listeners are not awaited. */
  const overdue = Promise.withResolvers<void>();
  const timer = setTimeout(overdue.resolve, Math.min(MOST_MS, timeoutMs + CANCEL_MS));
  signal.addEventListener('abort', () => overdue.resolve(), { once: true });
  const hear = async ({ event }: ExecResponse): Promise<void> => {
    switch (event.case) {
      case 'output':
        if ((toldBytes -= Buffer.byteLength(event.value.text)) < 0) throw tooMuch();
        await Promise.race([
          request.onOutput?.(event.value.channel === From.STDERR ? 'stderr' : 'stdout', event.value.text),
          overdue.promise,
        ]);
        break;
      case 'kept':
        if ((keptBytes -= event.value.data.length) < 0) throw tooMuch();
        kept[event.value.channel]?.push(event.value.data);
        break;
      case 'stdinTaken':
        reading?.taken(event.value);
        break;
      case 'question':
        if ((questions -= 1) < 0) throw tooMuch();
        answered = answer(answered, event.value);
        break;
      case 'ended':
        result = fromEnded(event.value, {
          stdout: textOf(From.STDOUT),
          stderr: textOf(From.STDERR),
          answer: textOf(From.ANSWER),
        });
        inputs.end();
        break;
      case undefined:
    }
  };
  try {
    const options = { timeoutMs: Math.min(MOST_MS, timeoutMs + AROUND_MS) };
    await hearAll((whole) => client.exec(inputs, { ...options, signal: whole }), hear, signal);
  } finally {
    clearTimeout(timer);
    reading?.close();
  }
  if (result === undefined) throw new ReeveError('unavailable', 'the answer broke off', { unsure: true });
  return result;
}

/**
 * Hands each message of a call to `hear`. Where that throws, the call is cancelled and read to its end: until then Connect
 * keeps the timer of its deadline.
 */
async function hearAll<Message>(
  call: (signal: AbortSignal) => AsyncIterable<Message>,
  hear: (message: Message) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const given = new AbortController();
  try {
    for await (const message of call(AbortSignal.any([signal, given.signal])))
      await hear(message).catch((error: unknown) => given.abort(error));
  } catch (thrown) {
    throw given.signal.aborted ? given.signal.reason : thrown;
  }
  given.signal.throwIfAborted();
}

function tooMuch(): ReeveError {
  return new ReeveError('upstream_error', 'the sandbox elsewhere says more than a program may', { unsure: true });
}
