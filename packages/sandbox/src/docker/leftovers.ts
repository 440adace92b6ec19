import { readFileSync, readlinkSync } from 'node:fs';
import type Docker from 'dockerode';
import { findProcess } from '../system/process-tree.ts';

/** Labels of every container of a sandbox: the process that made it, and how long it may last in seconds. */
const LABELS = { owner: 'reeve.sandbox.owner', lifetime: 'reeve.sandbox.lifetime' } as const;

/** Added to a lifetime for a slow engine, before a container counts as abandoned. */
const GRACE_S = 300;

/** The labels of a container that this process makes and ends after `lifetimeMs` at the latest. */
export function labelsOf(lifetimeMs: number): Record<string, string> {
  return { [LABELS.owner]: owner(process.pid), [LABELS.lifetime]: String(Math.ceil(lifetimeMs / 1000)) };
}

/**
 * Removes abandoned containers: those of dead processes on this machine, and those far older than their lifetime,
 * whoever created them. Leaves all others alone, including those whose process may live on another machine or in
 * another process namespace. Returns the number removed.
 */
export async function removeLeftovers(docker: Docker): Promise<number> {
  const [{ SystemTime }, containers] = await Promise.all([
    docker.info() as Promise<{ SystemTime: string }>,
    docker.listContainers({ all: true, filters: { label: [LABELS.owner] } }),
  ]);
  const now = Date.parse(SystemTime) / 1000;
  const ghosts = containers.filter(
    ({ Created, Labels }) =>
      isDead(Labels[LABELS.owner] ?? '') || now - Created > Number(Labels[LABELS.lifetime]) + GRACE_S,
  );
  await Promise.all(ghosts.map(({ Id }) => removeContainer(docker, Id)));
  return ghosts.length;
}

/** Kills and removes a container; one that is already gone is fine. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  try {
    await docker.getContainer(id).remove({ force: true, v: true });
  } catch (error) {
    const { statusCode } = error as { statusCode?: number };
    if (statusCode !== 404 && statusCode !== 409) throw error;
  }
}

/** Identifies a process uniquely: boot ID, process namespace, PID and start time. */
function owner(pid: number, startTicks = findProcess(pid)?.startTicks): string {
  return [space(), pid, startTicks ?? 0].join(' ');
}

function isDead(label: string): boolean {
  const pid = Number(label.split(' ').at(-2));
  const isHere = space() !== undefined && label.startsWith(`${space()} `) && Number.isInteger(pid);
  return isHere && owner(pid) !== label;
}

let known: string | undefined;

/** The scope in which a PID is unique; undefined without /proc. */
function space(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return (known ??= `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`);
}
