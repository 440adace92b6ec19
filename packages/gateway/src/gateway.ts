import { findAgent, mountAgents } from '@reeve/agents';
import { mountAudit, mountJournal, selectJournalOfTask, type NameAgent } from '@reeve/audit';
import { createApp, type App, type AppOptions } from '@reeve/http';
import { ReeveError, type ConfigOf } from '@reeve/kit';
import { mountMcpServers, type McpServers } from '@reeve/mcp';
import { mountKnowledge, mountMemory, mountPlaybooks, type KnowledgeParts, type MemoryRulesOf } from '@reeve/memory';
import { listRuns } from '@reeve/runs';
import { mountSkills, type Skills } from '@reeve/skills';
import {
  createEnqueuer,
  decideApproval,
  mountApprovals,
  mountSchedules,
  mountTasks,
  mountTaskStreams,
  resumeShort,
  type CheckTask,
  type JournalFeed,
} from '@reeve/tasks';
import { mountKeys } from '@reeve/identity';
import { mountUsage } from '@reeve/ledger';
import { mountTenants, type Policies } from '@reeve/limits';
import type { ToolCalls } from '@reeve/tools';
import type { gatewaySettings } from './config.ts';
import { serveConsole } from './console-files.ts';
import { mountOperations } from './dashboard.ts';
import { mountRunEndpoints, streamOf } from './run-endpoints.ts';
import { mountHealth, type HealthParts } from './health.ts';
import { mountRuns } from './run-routes.ts';
import { createRunExecutor } from './execute-with-retry.ts';
import { SCHEDULE_KINDS } from './schedule-kinds.ts';
import { createSettings, mountSettings, type SettingsParts } from './settings.ts';
import { mountTools } from './tool-routes.ts';
import { mountWorkspaces } from './workspace-routes.ts';
import { mountMcp } from './protocols/mcp.ts';
import { resumeProtocolStream, mountProtocols, type ProtocolParts } from './protocols/index.ts';

export type GatewayParts = Omit<AppOptions, 'db' | 'service' | 'follow'> &
  Omit<HealthParts, 'circuits'> &
  Omit<ProtocolParts, 'decide'> & {
    readonly config: ConfigOf<typeof gatewaySettings>;
    readonly shown: SettingsParts['shown'];
    readonly journal: JournalFeed;
    /** Executes tool calls outside runs. */
    readonly toolCalls: ToolCalls;
    readonly mcpServers: McpServers;
    readonly skills: Skills;
    /** Reads the documents of knowledge bases. */
    readonly reader: KnowledgeParts['reader'];
    /** Told of an API key that was rotated or revoked, before the caller is answered. */
    readonly keyChanged: (keyId: string) => void;
    readonly policies: Policies;
    /** The tenants’ rules against remembering sensitive data. */
    readonly memoryRulesOf: MemoryRulesOf;
    /** The directory of the built console. */
    readonly consoleDirectory: string;
    /** Which routes it serves besides health, version and metrics. */
    readonly api: 'gateway' | 'memory' | 'none';
  };

/** Entries of a task's journal that are shown with it. */
const JOURNAL_SHOWN = 200;

/** The whole HTTP application. */
export function createGateway(parts: GatewayParts): App {
  const { database, feed, handler, toolCalls } = parts;
  const app = createApp({
    ...parts,
    service: parts.api === 'memory' ? 'memory' : 'gateway',
    db: database.db,
    follow: (tenantId, source) => resumeProtocolStream(parts, tenantId, source) ?? streamOf(feed, tenantId, source, 0),
  });
  const executor = createRunExecutor(parts);
  mountHealth(app, { ...parts, circuits: executor.circuits });
  if (parts.api === 'memory') mountMemoryRoutes(app, parts);
  if (parts.api !== 'gateway') return app;
  const settings = createSettings(parts);
  mountRunEndpoints(app, parts, executor, settings);
  mountProtocols(app, {
    ...parts,
    async decide(requester, approvalId, approved, reason) {
      await decideApproval(
        database,
        handler,
        requester,
        approvalId,
        { decision: approved ? 'approve' : 'reject' },
        reason,
      );
    },
  });
  mountRuns(app, parts);
  mountTaskStreams(app, database, parts.journal, nameAgent);
  // Before /api/agents/tasks/{id}, which takes any word for an id.
  mountApprovals(app, database, handler, checkTask, nameAgent);
  mountSchedules(app, database, checkTask, SCHEDULE_KINDS, parts.log, nameAgent);
  mountTasks(app, database, handler, checkTask, {
    nameAgent,
    runs: async (tx, tenantId, taskId) => (await listRuns(tx, tenantId, { taskId }, { limit: 20, offset: 0 })).runs,
    journal: (tx, tenantId, taskId) => selectJournalOfTask(tx, tenantId, taskId, JOURNAL_SHOWN),
  });
  mountAgents(app, database, async (tenantId) => ({
    tools: (await toolCalls.toolsOf(tenantId)).list().map(({ name }) => name),
    skills: parts.skills.list().map(({ name }) => name),
  }));
  mountMemoryRoutes(app, parts);
  mountWorkspaces(app, database, parts.workspaces);
  mountTools(app, toolCalls);
  mountSkills(app, parts.skills);
  mountMcpServers(app, database, parts.mcpServers);
  mountMcp(app, { ...parts, enqueue: createEnqueuer(database, handler, checkTask) });
  mountJournal(app, database, nameAgent);
  mountAudit(app, database);
  mountKeys(app, database, parts.keyChanged);
  mountTenants(app, database, parts.policies);
  mountUsage(app, database, {
    nameAgent,
    checkAgent: (tx, tenantId, ref) => checkTask(tx, tenantId, ref, 'any'),
    raised: (tenantId) => resumeShort(database, handler, parts.log, tenantId),
  });
  mountOperations(app, { ...parts, circuits: executor.circuits });
  mountSettings(app, parts, settings);
  app.fallback(serveConsole(parts.consoleDirectory));
  return app;
}

function mountMemoryRoutes(
  app: App,
  parts: Pick<
    GatewayParts,
    'database' | 'workspaces' | 'log' | 'reader' | 'embedQuery' | 'embedKnowledgeQuery' | 'memoryRulesOf'
  >,
): void {
  const deleted = async (tenantId: string, sessionId: string) => {
    await parts.workspaces?.remove(tenantId, sessionId).catch((error: unknown) => {
      parts.log.warn({ err: error }, 'the files of a deleted session are still there');
    });
  };
  mountMemory(app, parts.database, parts.memoryRulesOf, deleted, parts);
  mountKnowledge(app, { ...parts, embedQuery: parts.embedKnowledgeQuery });
  mountPlaybooks(app, parts.database, parts.memoryRulesOf);
}

/** Any agent that is there takes any type of task; types with a meaning of their own come with the crew. */
export const checkTask: CheckTask = async (tx, tenantId, agentId) => {
  const agent = await findAgent(tx, tenantId, agentId);
  if (agent === undefined)
    throw new ReeveError('unknown_agent', `there is no agent ${agentId}`, {
      details: [{ path: 'agent_id', message: 'is not an agent' }],
    });
  return agent.slug;
};

const nameAgent: NameAgent = async (tx, tenantId, ref) =>
  ref === undefined ? undefined : ((await findAgent(tx, tenantId, ref))?.slug ?? ref);
