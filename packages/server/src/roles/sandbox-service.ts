import type { RpcServer } from '@reeve/rpc';
import type { Egress, Sandbox, Workspaces } from '@reeve/sandbox';
import type { ToolCalls } from '@reeve/tools';
import { startRoleService, type RoleServiceParts } from './role-service.ts';
import { foldersOf } from '../roots.ts';

/** The sandbox and the disk of this process. */
export interface ProgramParts {
  readonly sandbox: Pick<Sandbox, 'exec'>;
  readonly workspaces: Workspaces;
  readonly mcpFiles: Workspaces;
  readonly connect: Egress['connect'];
}

export interface SandboxServiceParts extends RoleServiceParts {
  readonly calls: ToolCalls;
  /** What programs of other processes run in; undefined where the sandbox is elsewhere. */
  readonly programs: ProgramParts | undefined;
}

/** Serves the services `Sandbox` and `Programs` where this process runs tools itself. Throws as `startRoleService` does. */
export async function startSandboxService({
  calls,
  programs,
  ...parts
}: SandboxServiceParts): Promise<RpcServer | undefined> {
  const { config, log } = parts;
  if (programs === undefined) return undefined;
  return startRoleService(parts, {
    role: 'sandbox',
    name: 'Sandbox',
    host: config.sandboxHost,
    port: config.sandboxPort,
    variable: 'SANDBOX_PORT',
    async services() {
      const [{ sandboxService }, { programsService, workspaceRoot }] = await Promise.all([
        import('@reeve/tools/rpc'),
        import('@reeve/sandbox/rpc'),
      ]);
      const { sandbox, connect, workspaces, mcpFiles } = programs;
      const written = { workspaces: workspaceRoot(workspaces), 'mcp-files': workspaceRoot(mcpFiles) };
      return [
        sandboxService(calls),
        programsService({ sandbox, workspaces: written, folders: foldersOf(config), connect, log }),
      ];
    },
  });
}
