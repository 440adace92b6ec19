import type { ErrorDetail } from '@reeve/contract';
import { isLoopback, ReeveError, type Log } from '@reeve/kit';
import { readTls } from '@reeve/rpc/tls';
import { openSandbox, type Sandbox } from '@reeve/sandbox';
import type { RemoteSandbox } from '@reeve/tools/remote';
import type { Config } from '../config.ts';
import { rootsOf } from '../roots.ts';

/** True for a process that runs tools for others and does nothing else: it opens no database. */
export function isSandboxAlone({ roles }: Pick<Config, 'roles'>): boolean {
  return roles.length === 1 && roles[0] === 'sandbox';
}

/** The sandbox of this process, or of the one that the settings name. */
export async function openSandboxOf(config: Config, log: Log): Promise<Sandbox | RemoteSandbox> {
  const target = sandboxTarget(config);
  return target === undefined ? openSandbox(config, log) : openSandboxElsewhere(target, config, log);
}

/** The process that runs the tools which work in a workspace, as `host:port`; undefined where that is this one. */
export function sandboxTarget(config: Config): string | undefined {
  return isSandboxAlone(config) ? undefined : config.sandboxTarget;
}

/** What does not go together in the settings of where tools run. */
export function sandboxProblems(config: Config): ErrorDetail[] {
  const { sandboxBackend: backend, sandboxTarget: target } = config;
  if (isSandboxAlone(config)) return [];
  if (target === undefined)
    return backend === 'remote'
      ? [problem('SANDBOX_TARGET', 'is not set, but SANDBOX_BACKEND is remote: say where, as host:port')]
      : [];
  if (backend === 'quickjs' || backend === 'bubblewrap' || backend === 'docker')
    return [problem('SANDBOX_BACKEND', `is ${backend}, but SANDBOX_TARGET is set: leave one of them out`)];
  const isProven = config.tlsCaCertPath !== undefined || config.internalSecrets !== undefined;
  if (isProven || isLoopback(hostOf(target))) return [];
  return [
    problem(
      'SANDBOX_TARGET',
      'is beyond this machine: set the TLS_* variables ("reeve certs" makes a set), or REEVE_INTERNAL_SECRET',
    ),
  ];
}

/** Throws `invalid_request` with what `sandboxProblems` finds. */
export function requireSandboxPlace(config: Config): void {
  const details = sandboxProblems(config);
  if (details.length > 0)
    throw new ReeveError('invalid_request', details.map(({ message }) => message).join('\n'), { details });
}

/** The sandbox of another process. What it takes to call it is loaded only here. */
async function openSandboxElsewhere(target: string, config: Config, log: Log): Promise<RemoteSandbox> {
  const { openRemoteSandbox } = await import('@reeve/tools/remote');
  await using stack = new AsyncDisposableStack();
  const channel = stack.use(await openChannelTo(target, config));
  const remote = stack.use(openRemoteSandbox({ channel, roots: rootsOf(config), config, log }));
  const parts = stack.move();
  return { ...remote, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** The way to another role, with what this process proves itself by. */
export async function openChannelTo(target: string, config: Config) {
  const { openChannel } = await import('@reeve/rpc');
  return openChannel({ target, tls: readTls(config), internalSecret: config.internalSecrets?.[0] });
}

function problem(path: string, message: string): ErrorDetail {
  return { path, message: `${path} ${message}` };
}

function hostOf(target: string): string {
  return target.slice(0, target.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
