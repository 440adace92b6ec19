import { ReeveError } from '@reeve/kit';
import type { RpcServer, RpcServerOptions, RpcService } from '@reeve/rpc';
import { readTls } from '@reeve/rpc/tls';
import { requireSafeBinding } from '@reeve/identity';
import { ROLES, type Config } from './config.ts';

type Role = (typeof ROLES)[number];

/** What every service of this process is served with: who may call, and what is told of it. */
export interface RoleServiceParts extends Pick<RpcServerOptions, 'authenticate' | 'limit' | 'onRefused' | 'log'> {
  readonly config: Config;
}

/** The services of one role, on a port of their own. */
export interface RoleService {
  readonly role: Role;
  /** The service that people know it by: `Sandbox`. */
  readonly name: string;
  /** Where it is set. Else that of REEVE_HOST for a process with this role alone, and this machine for others. */
  readonly host: string | undefined;
  readonly port: number | 'off';
  /** The setting that chooses the port: `SANDBOX_PORT`. */
  readonly variable: string;
  /** Loads them, which is done only where they are served. */
  services(): Promise<readonly RpcService[]>;
}

/**
 * Serves a role's services where this process has the role. Where nobody asked for them by name and their port is taken, the
 * process goes on without them and says so; else that throws `unavailable`.
 */
export async function startRoleService(
  { config, ...parts }: RoleServiceParts,
  { role, name, host: chosen, port, variable, services }: RoleService,
): Promise<RpcServer | undefined> {
  if (port === 'off' || !config.roles.includes(role)) return undefined;
  const host = chosen ?? (isAlone(config, role) ? config.host : '127.0.0.1');
  const tls = readTls(config);
  if (tls === undefined) requireSafeBinding(config, host);
  const [{ startRpcServer }, loaded] = await Promise.all([import('@reeve/rpc'), services()]);
  const { log } = parts;
  try {
    const server = await startRpcServer({ ...parts, host, port, tls, services: loaded });
    const secured = tls === undefined ? '' : ', mutual TLS';
    log.info({ url: server.url }, `the ${name} service listens (gRPC, gRPC-Web, Connect${secured})`);
    return server;
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (isAskedFor(config, variable) || error.reason !== 'unavailable') throw error;
    log.warn(`no ${name} service: ${error.message}; ${variable} chooses another port, or off`);
    return undefined;
  }
}

/** True for a process with one role and no other. */
export function isAlone({ roles }: Pick<Config, 'roles'>, role: Role): boolean {
  return roles.length === 1 && roles[0] === role;
}

function isAskedFor({ roles, shown }: Config, setting: string): boolean {
  return (
    roles.length < ROLES.length || shown.some(({ variable, origin }) => variable === setting && origin !== 'default')
  );
}
