import { createOutgoing } from '@reeve/http';
import { Background, collectProcessMetrics, ReeveError, type Log } from '@reeve/kit';
import { createQuota, createWorkspaces, openSandbox } from '@reeve/sandbox';
import { createCallAuthenticator } from '@reeve/identity';
import { openFilePolicies, toolRule } from '@reeve/limits';
import { bareTools, createRegistryOf, workspaceTools, type ToolCalls } from '@reeve/tools';
import type { Config } from './config.ts';
import { mcpFilesDirectoryOf, workspacesDirectoryOf } from './roots.ts';
import { startSandboxService } from './sandbox-service.ts';
import { keepWorkspaces } from './workspace-retention.ts';

/** A process that runs tools for others. Disposing stops it. */
export interface SandboxRole extends AsyncDisposable {
  readonly url: string;
  readonly workspaces: string;
}

/**
 * Starts the role `sandbox` alone. It has the workspaces on its disk and opens no database: it knows no stored keys, keeps what
 * the tenants file says of tools, and leaves a line in the log where others leave a row in the audit log; the roles that call it
 * do the rest.
 */
export async function startSandboxRole(config: Config, log: Log): Promise<SandboxRole> {
  await using stack = new AsyncDisposableStack();
  collectProcessMetrics();
  const directory = workspacesDirectoryOf(config);
  const quota = createQuota(config);
  const workspaces = createWorkspaces(directory, quota);
  const mcpFiles = createWorkspaces(mcpFilesDirectoryOf(config), quota);
  const sandbox = stack.use(await openSandbox(config, log));
  const outgoing = stack.use(createOutgoing({ allowPrivate: config.allowPrivateUrls }));
  const policies = stack.use(openFilePolicies(config, log));
  const tools = createRegistryOf([...bareTools, ...workspaceTools(sandbox)], config, log);
  const calls: ToolCalls = {
    toolsOf: async () => tools,
    async contextFor(who, idempotencyKey, signal) {
      const workspace = await workspaces.open(who.tenantId, who.sessionId);
      // Connections could not be audited here, so there are none; programs of roles ask those.
      const egressOf = async () => undefined;
      return { ...who, idempotencyKey, signal, workspace, quota, egressOf, now: () => new Date() };
    },
    ruleOf: async (tenantId, tool) => toolRule(policies.of(tenantId), tool),
    async record({ userId, tool, status, sessionId }) {
      log.info({ user_id: userId, tool, status, session_id: sessionId }, 'a tool was called');
    },
  };
  const authenticate = createCallAuthenticator({ config, ensure: async () => undefined });
  if (config.retentionDays > 0) {
    const stopping = new AbortController();
    const background = stack.use(new Background(log));
    stack.defer(() => stopping.abort());
    // Who waits for which is known elsewhere: twice as long is longer than anybody should.
    const rule = { isNeeded: async () => false, days: config.retentionDays * 2, log };
    background.start('retention of workspaces', () => keepWorkspaces({ ...rule, workspaces }, stopping.signal));
    background.start('retention of files of MCP servers', () =>
      keepWorkspaces({ ...rule, workspaces: mcpFiles }, stopping.signal),
    );
  }
  const server = await startSandboxService({
    config,
    calls,
    programs: { sandbox, workspaces, mcpFiles, connect: outgoing.connect },
    authenticate,
    log,
  });
  if (server === undefined)
    throw new ReeveError('invalid_request', 'SANDBOX_PORT is off, but the role sandbox has nothing else to do');
  stack.use(server);
  const parts = stack.move();
  return { url: server.url, workspaces: directory, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
