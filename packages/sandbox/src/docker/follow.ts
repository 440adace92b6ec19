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
  /** Kills and removes the container; repeated calls share the same work. */
  readonly remove: () => Promise<void>;
}

/** How a container ended, with the output of launcher and program. */
export interface Ended {
  readonly killedBy: KilledBy | undefined;
  readonly exitCode: number;
  /** The launcher’s first byte; undefined if it did not get that far. */
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
 * The program’s time counts from the mark. The engine reports the end once the container’s first process is gone, which
 * the kernel releases only after all others. Throws ReeveError `cancelled` if the signal aborts before the start, and
 * any error that prevents following; the container is dead then, too.
 */
export async function followContainer(made: Made, signal: AbortSignal): Promise<Ended> {
  const { container, request } = made;
  const over = new AbortController();
  const died = Promise.withResolvers<number>();
  // Rejection without a listener must not crash the process if the container never starts.
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
    // Readers handle errors themselves; there are none yet.
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
    // The out-of-memory event can arrive a moment after the exit.
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
/** Longest life of a container besides the time of its program. */
export const LONGEST_START_AND_END_MS = START_MS + NEWS_MS;
/** Time to read remaining output after all processes are dead. */
const DRAIN_MS = 1_000;
const OOM_NEWS_MS = 250;
/** The exit code of a process killed by SIGKILL. */
const SIGKILLED = 137;
const ATTACH = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true } as const;

interface EngineEvent {
  readonly Action: 'oom' | 'die';
  readonly Actor: { readonly Attributes: { readonly exitCode?: string } };
}

function failAfter(ms: number, why: string, fail: (error: Error) => void, over: AbortSignal): void {
  void sleep(ms, over).then(() => over.aborted || fail(new Error(why)));
}

/** Passes all output on; resolves when no writer is left. */
function readAll(channel: Duplex, onOutput: Parameters<typeof createSplitter>[0]): Promise<void> {
  return new Promise((resolve) =>
    channel
      .on('data', createSplitter(onOutput))
      // The event stream reports an engine that disconnects.
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
