import { ReeveError } from '@reeve/kit';
import type { RpcServer, RpcServerOptions } from '@reeve/rpc';
import { readTls } from '@reeve/rpc/tls';
import { requireSafeBinding } from '@reeve/tenancy';
import type { Egress, Sandbox, Workspaces } from '@reeve/sandbox';
import type { ToolCalls } from '@reeve/tools';
import { ROLES, type Config } from './config.ts';
import { foldersOf } from './roots.ts';
import { isSandboxAlone } from './sandbox-place.ts';

/** The sandbox and the disk of this process. */
export interface ProgramParts {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  readonly workspaces: Workspaces;
  readonly mcpFiles: Workspaces;
  readonly connect: Egress['connect'];
}

export interface SandboxServiceParts extends Pick<RpcServerOptions, 'authenticate' | 'limit' | 'onRefused' | 'log'> {
  readonly config: Config;
  readonly calls: ToolCalls;
  /** What programs of other processes run in; undefined where the sandbox is elsewhere. */
  readonly programs: ProgramParts | undefined;
}

/**
 * Serves the services `Sandbox` and `Programs` where this process has the role and runs tools itself; what that takes is loaded only then. Where
 * nobody asked for it by name and its port is taken, the process goes on without it and says so; else that throws `unavailable`.
 */
export async function startSandboxService(parts: SandboxServiceParts): Promise<RpcServer | undefined> {
  const { config, calls, programs, log } = parts;
  const { sandboxPort: port } = config;
  if (port === 'off' || !config.roles.includes('sandbox') || programs === undefined) return undefined;
  const host = config.sandboxHost ?? (isSandboxAlone(config) ? config.host : '127.0.0.1');
  const tls = readTls(config);
  if (tls === undefined) requireSafeBinding(config, host);
  const [{ startRpcServer }, { sandboxService }, { programsService, workspaceRoot }] = await Promise.all([
    import('@reeve/rpc'),
    import('@reeve/tools/rpc'),
    import('@reeve/sandbox/rpc'),
  ]);
  const { sandbox, connect, workspaces, mcpFiles } = programs;
  const written = { workspaces: workspaceRoot(workspaces), 'mcp-files': workspaceRoot(mcpFiles) };
  const services = [
    sandboxService(calls),
    programsService({ sandbox, workspaces: written, folders: foldersOf(config), connect, log }),
  ];
  try {
    const server = await startRpcServer({ ...parts, host, port, tls, services });
    log.info(
      { url: server.url },
      `the Sandbox service listens (gRPC, gRPC-Web, Connect${tls === undefined ? '' : ', mutual TLS'})`,
    );
    return server;
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (isAskedFor(config) || error.reason !== 'unavailable') throw error;
    log.warn(`no Sandbox service: ${error.message}; SANDBOX_PORT chooses another port, or off`);
    return undefined;
  }
}

function isAskedFor({ roles, shown }: Config): boolean {
  const isSet = shown.some(({ variable, origin }) => variable === 'SANDBOX_PORT' && origin !== 'default');
  return isSet || roles.length < ROLES.length;
}
