import { realpath } from 'node:fs/promises';
import type { Container } from 'dockerode';
import { ReeveError, sleep, unlessAborted, within, type Log } from '@reeve/kit';
import { openAnswerPipe } from './answer.ts';
import { containerOptions, MARK, type Channels } from './container.ts';
import { messageOf, type Engine } from './engine.ts';
import { followContainer, LONGEST_START_AND_END_MS, type Ended } from './follow.ts';
import { labelsOf, removeContainer, removeLeftovers } from './leftovers.ts';
import { openEgressProxy } from '../egress/proxy.ts';
import { cancelled, exitedResult, killedResult } from '../system/exec-result.ts';
import { readOnlyOf } from '../system/launch.ts';
import { limitsOf } from '../limits.ts';
import { noDirectory, SYSTEM_LANGUAGES } from '../system/program.ts';
import type { ExecRequest, ExecResult, Limits, SandboxDriver } from '../sandbox.ts';
import { buildSeccompProfile } from '../system/seccomp.ts';
import { makeWritable } from '../files/workspace.ts';

/**
 * Shell, Python and Node programs in containers: a fresh container per call, which ends with its first process and all
 * others in it. A program is killed at the deadline, on abort, on excess output or on a breached limit; it is dead when
 * a call resolves, and the container is removed afterwards. Opening removes containers of killed Reeve processes.
 * Disposing waits until all are removed.
 */
export function openDockerDriver({ docker, image }: Engine, log: Log): SandboxDriver & AsyncDisposable {
  const seccomp = buildSeccompProfile();
  const closed = new AbortController();
  const removing = new Set<Promise<void>>();
  const removeBehind = (work: Promise<unknown>) => {
    const done: Promise<void> = work.then(
      () => void removing.delete(done),
      (error: unknown) => {
        removing.delete(done);
        log.warn(
          { reason: messageOf(error) },
          'a container of the sandbox could not be removed; the next start tries again',
        );
      },
    );
    removing.add(done);
  };
  removeBehind(removeLeftovers(docker));
  /** An engine that does not answer is asked again later. */
  const removeSurely = async (id: string): Promise<void> => {
    for (let waitMs = 500; ; waitMs *= 2) {
      try {
        return await removeContainer(docker, id);
      } catch (error) {
        if (waitMs > REMOVE_MS || closed.signal.aborted) throw error;
        await sleep(waitMs, closed.signal);
      }
    }
  };

  /** Creates a container without starting it. If the call was aborted meanwhile, it is removed as soon as it exists. */
  const create = async (
    request: ExecRequest,
    limits: Limits,
    workspace: string,
    channels: Channels,
    signal: AbortSignal,
  ) => {
    const readOnly = await readOnlyOf(request);
    const creating: Promise<Container> = docker.createContainer({
      ...containerOptions(image, seccomp, request, workspace, readOnly, limits, channels),
      Labels: labelsOf(CREATE_MS + LONGEST_START_AND_END_MS + request.timeoutMs),
    });
    try {
      return await unlessAborted(within(CREATE_MS, 'the Docker engine', creating), signal, cancelled);
    } catch (error) {
      removeBehind(
        creating.then(
          ({ id }) => removeSurely(id),
          () => undefined,
        ),
      );
      throw error;
    }
  };
  return {
    name: 'docker',
    languages: SYSTEM_LANGUAGES,
    async exec(request, signal) {
      if (signal.aborted) throw cancelled();
      const limits = limitsOf(request);
      const workspace = await realpath(request.workspace);
      await makeWritable(workspace);
      await using proxy = request.egress === undefined ? undefined : await openEgressProxy(request.egress);
      const { maxAnswerBytes } = request;
      await using pipe = maxAnswerBytes === undefined ? undefined : await openAnswerPipe(maxAnswerBytes);
      try {
        const channels = { egress: proxy?.socket, answer: pipe?.path };
        const container = await create(request, limits, workspace, channels, signal);
        let removal: Promise<void> | undefined;
        const remove = () => (removal ??= removeContainer(docker, container.id));
        try {
          const running = { docker, image, container, request, limits, workspace, remove };
          const ended = await followContainer(running, signal);
          return resultOf(ended, await pipe?.read(), request, limits);
        } finally {
          removeBehind(removeSurely(container.id));
        }
      } catch (error) {
        if (error instanceof ReeveError) throw error;
        throw notRun(messageOf(error), error);
      }
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await Promise.all(removing);
    },
  };
}

/** How long a container may take to be made. */
const CREATE_MS = 30_000;
/** How long it is tried to remove one, in all twice that. */
const REMOVE_MS = 60_000;

function resultOf(ended: Ended, answer: string | undefined, request: ExecRequest, limits: Limits): ExecResult {
  const { killedBy, exitCode, mark, output, durationMs } = ended;
  const captured = { ...output, durationMs, ...(answer !== undefined && { answer }) };
  if (killedBy !== undefined) return killedResult(killedBy, captured, request, limits);
  if (mark === MARK.noDirectory) throw noDirectory(request);
  if (mark !== MARK.begins) throw notRun(output.stderr.trim().slice(0, 500) || 'it ended without a word');
  return exitedResult(exitCode, captured, request);
}

function notRun(why: string, cause?: unknown): ReeveError {
  return new ReeveError('unavailable', `Docker could not run it: ${why}`, cause === undefined ? {} : { cause });
}
