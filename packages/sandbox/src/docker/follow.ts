import type { Duplex, Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Container } from 'dockerode';
import { sleep } from '@reeve/kit';
import { MARK, type Image } from './container.ts';
import { createSplitter } from './output.ts';
import { watchContainer } from './usage.ts';
import { cancelled, type KilledBy } from '../system/exec-result.ts';
import { createOutputCapture, pauseWhileHeld, untilTold } from '../output.ts';
import { writeStdin } from '../system/write-stdin.ts';
import type { ExecRequest, Limits } from '../sandbox.ts';

/** A container that has been made for a program and has not begun. */
export interface Made {
  readonly docker: Docker;
  readonly image: Image;
  readonly container: Container;
  readonly request: ExecRequest;
  readonly limits: Limits;
  readonly workspace: string;
  /** Kills all of it and removes it; the same work however often it is asked for. */
  readonly remove: () => Promise<void>;
}

/** How a container ended, and what it and its program said. */
export interface Ended {
  readonly killedBy: KilledBy | undefined;
  readonly exitCode: number;
  /** What the launcher told first: undefined where it did not come to that. */
  readonly mark: string | undefined;
  readonly output: { readonly stdout: string; readonly stderr: string; readonly truncated: boolean };
  readonly durationMs: number;
}

/**
 * Starts a container and follows it to its end:
 *
 *     started ──mark──► running ──► dead
 *        └────────────kill──────────┘
 *
 * The time of the program counts from the mark. The engine tells of the end once the first process of the container is
 * gone, which the kernel lets go only after all others. Throws ReeveError `cancelled` where the signal aborts before it
 * has begun, and any error where it cannot be followed: then too it is dead.
 */
export async function followContainer(made: Made, signal: AbortSignal): Promise<Ended> {
  const { container, request } = made;
  const over = new AbortController();
  const died = Promise.withResolvers<number>();
  // Nobody waits for it where it is never started.
  died.promise.catch(() => undefined);
  const fail = (error: unknown) => died.reject(error);
  let killedBy: KilledBy | undefined;
  const kill = (why: KilledBy) => {
    killedBy ??= why;
    made.remove().then(() => failAfter(NEWS_MS, 'the engine did not tell of its end', fail, over.signal), fail);
  };
  const cancel = () => kill('cancelled');
  const output = createOutputCapture(request.maxOutputBytes, request);
  let mark: string | undefined;
  let startedAt = performance.now();
  let watching: Promise<void> | undefined;
  const begun = new AbortController();
  const begin = (stream: Duplex) => {
    begun.abort();
    startedAt = performance.now();
    void sleep(request.timeoutMs, over.signal).then(() => over.signal.aborted || kill('time'));
    writeStdin(stream, request.stdin);
    watching = watch(made, kill, fail, over.signal);
  };
  failAfter(START_MS, `it did not begin within ${START_MS} ms`, fail, AbortSignal.any([begun.signal, over.signal]));
  let stream: Duplex | undefined;
  let events: Readable | undefined;
  try {
    const channel = (stream = (await container.attach(ATTACH)) as Duplex);
    // Whoever reads it hears of an end; nobody does yet.
    channel.on('error', () => undefined);
    events = (await made.docker.getEvents({
      filters: { container: [container.id], event: ['oom', 'die'] },
    })) as Readable;
    const heard = readAll(channel, (from, chunk) => {
      let said = chunk;
      if (mark === undefined && from === 'stdout') {
        mark = chunk.toString('latin1', 0, 1);
        said = chunk.subarray(1);
        if (mark === MARK.begins) begin(channel);
      }
      if (!output.add(from, said)) kill('output');
      pauseWhileHeld(channel, output);
    });
    let isOutOfMemory: () => void;
    const outOfMemory = new Promise<void>((resolve) => (isOutOfMemory = resolve));
    made.docker.modem.followProgress(
      events,
      (error) => fail(error ?? new Error('the engine went away')),
      ({ Action, Actor }: EngineEvent) => {
        if (Action === 'die') return died.resolve(Number(Actor.Attributes.exitCode));
        kill('memory');
        isOutOfMemory();
      },
    );
    if (signal.aborted) throw cancelled();
    signal.addEventListener('abort', cancel, { once: true });
    channel.write(request.code);
    await Promise.race([container.start(), died.promise]);
    const exitCode = await died.promise;
    const durationMs = performance.now() - startedAt;
    // That memory was the reason can be told a moment later.
    if (exitCode === SIGKILLED && killedBy === undefined) await Promise.race([outOfMemory, sleep(OOM_NEWS_MS)]);
    await Promise.race([heard, untilTold(output, DRAIN_MS, over.signal)]);
    return { killedBy, exitCode, mark, output: output.read(), durationMs };
  } catch (error) {
    await made.remove();
    throw killedBy === 'cancelled' ? cancelled() : error;
  } finally {
    signal.removeEventListener('abort', cancel);
    over.abort();
    await watching;
    stream?.destroy();
    events?.destroy();
  }
}

/** How long a container may take from being started to the mark. */
const START_MS = 30_000;
/** How long the news of its end may take once it was killed. */
const NEWS_MS = 10_000;
/** What a container may last besides the time of its program. */
export const LONGEST_START_AND_END_MS = START_MS + NEWS_MS;
/** How long what is still on its way is read after all of it is dead. */
const DRAIN_MS = 1_000;
const OOM_NEWS_MS = 250;
/** The exit code of what was killed, by the kernel or by itself. */
const SIGKILLED = 137;
const ATTACH = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true } as const;

interface EngineEvent {
  readonly Action: 'oom' | 'die';
  readonly Actor: { readonly Attributes: { readonly exitCode?: string } };
}

function failAfter(ms: number, why: string, fail: (error: Error) => void, over: AbortSignal): void {
  void sleep(ms, over).then(() => over.aborted || fail(new Error(why)));
}

/** Hands on all output; resolves when nobody can write any more. */
function readAll(channel: Duplex, onOutput: Parameters<typeof createSplitter>[0]): Promise<void> {
  return new Promise((resolve) =>
    channel
      .on('data', createSplitter(onOutput))
      // An engine that goes away says so by its events.
      .on('error', () => undefined)
      .on('close', resolve),
  );
}

async function watch(
  { container, image, workspace, limits }: Made,
  kill: (why: KilledBy) => void,
  fail: (error: unknown) => void,
  over: AbortSignal,
): Promise<void> {
  try {
    const exceeded = await watchContainer({ container, processors: image.processors, workspace, limits }, over);
    if (exceeded !== undefined) kill(exceeded);
  } catch (error) {
    // Between its end and the news of that the engine no longer knows it.
    await sleep(DRAIN_MS, over);
    if (!over.aborted) fail(error);
  }
}
