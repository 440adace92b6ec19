import type Docker from 'dockerode';
import { within } from '@reeve/kit';
import type { Image } from './container.ts';

/** An engine that answers, and the image that is there. */
export interface Engine {
  readonly docker: Docker;
  readonly image: Image;
}

/** Processors that a program may use at once, as its CPU time allows. */
const MAX_PROCESSORS = 4;
const PATIENCE_MS = 5_000;

/**
 * Connects to the engine and looks up the image. Returns the reason if either is missing, or if the engine cannot
 * enforce the sandbox’s limits. Pulls nothing.
 */
export async function findEngine(host: string, name: string): Promise<Engine | string> {
  if (!/^(unix:\/\/\/|tcp:\/\/[^/])/.test(host))
    return `DOCKER_HOST is ${host}, and only unix:///path/of/a/socket and tcp://host:port can be used here`;
  let docker: Docker;
  let info: EngineInfo;
  try {
    docker = await connectTo(host);
    info = (await within(PATIENCE_MS, 'it', docker.info())) as EngineInfo;
  } catch (error) {
    return `no Docker engine answers at ${host} (${messageOf(error)}); start one, or name it in DOCKER_HOST`;
  }
  const lacks = missingOf(info);
  if (lacks.length > 0) return `the Docker engine at ${host} cannot be used: ${lacks.join('; ')}`;
  try {
    const { Id, Config } = await within(PATIENCE_MS, 'the engine', docker.getImage(name).inspect());
    if (Object.keys(Config.Volumes ?? {}).length > 0)
      return `the image ${name} declares volumes, which programs could fill without limit; set SANDBOX_DOCKER_IMAGE to another`;
    return { docker, image: { id: Id, name, processors: Math.min(MAX_PROCESSORS, info.NCPU) } };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404)
      return `the Docker engine at ${host} has no image ${name}; get it with "docker pull ${name}", or name another in SANDBOX_DOCKER_IMAGE`;
    return `the image ${name} cannot be looked at: ${messageOf(error)}`;
  }
}

/** Creates a client of the engine. The library loads slowly, so it is loaded on first use. */
export async function connectTo(host: string): Promise<Docker> {
  const { default: Client } = await import('dockerode');
  const { protocol, hostname, port, pathname } = new URL(host);
  // Omitted options would be taken from the environment.
  if (protocol === 'unix:')
    return new Client({ socketPath: decodeURIComponent(pathname), host: undefined, port: undefined });
  return new Client({ host: hostname, port: port || 2375, socketPath: undefined });
}

export function messageOf(error: unknown): string {
  const { json, code, message } = error as { json?: { message?: string }; code?: string; message?: string };
  return (json?.message ?? message ?? code ?? String(error)).trim();
}

interface EngineInfo {
  readonly OSType: string;
  readonly NCPU: number;
  readonly MemoryLimit: boolean;
  readonly PidsLimit: boolean;
  readonly CpuCfsQuota: boolean;
  readonly SecurityOptions: readonly string[];
}

/** Why an engine cannot be used. */
function missingOf(info: EngineInfo): string[] {
  const has = (option: string) => info.SecurityOptions.some((one) => one === option || one.startsWith(`${option},`));
  const needs: Record<string, boolean> = {
    'it runs no Linux': info.OSType === 'linux',
    'it has no limit on memory': info.MemoryLimit,
    'it has no limit on processes': info.PidsLimit,
    'it has no limit on processors': info.CpuCfsQuota,
    'it has no seccomp': has('name=seccomp'),
    'it maps users, so that programs could not write to the workspace as its owner':
      !has('name=rootless') && !has('name=userns'),
  };
  return Object.entries(needs).flatMap(([what, isMet]) => (isMet ? [] : [what]));
}
