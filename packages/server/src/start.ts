import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { createRefusalLog, startSealer } from '@reeve/audit';
import { expireHolds, inTenant, lockDataDirectory, openDatabase, type Database, type DataLock } from '@reeve/db';
import { checkTask, createGateway, createToolCalls } from '@reeve/gateway';
import { createOutgoing, startHttpServer, type Limit } from '@reeve/http';
import { Background, collectProcessMetrics, parseDuration, ReeveError, silentLog, type Log } from '@reeve/kit';
import { openMcpServers, type ProgramHost } from '@reeve/mcp';
import {
  disableStores,
  memoryRules,
  openExternalQuery,
  releaseExtractions,
  startExternalSender,
  startMemoryEmbedding,
  startMemoryExtractor,
  startMemoryIndexer,
  type MemoryRulesOf,
  type SenderState,
} from '@reeve/memory';
import { openDocumentReader } from '@reeve/documents';
import { openModels } from '@reeve/models';
import { openQueryEmbedder } from '@reeve/retrieval';
import { readTls } from '@reeve/rpc/tls';
import { createFeed, createRunHandler, selectUnended } from '@reeve/runs';
import { createQuota, createWorkspaces, createWorkspacesElsewhere } from '@reeve/sandbox';
import { createJournalFeed, expireLeases, runRetention, startScheduler, startWorker, type Worker } from '@reeve/tasks';
import {
  createCallAuthenticator,
  DEFAULT_TENANT,
  ensureTenant,
  openAuthenticator,
  requireSafeBinding,
} from '@reeve/identity';
import {
  createLedger,
  createMonthlyBudgets,
  expireCalls,
  startMetering,
  underPolicy,
  type Booking,
  type CallOwner,
} from '@reeve/ledger';
import { createModelSlotStore, createOverload, createRequestLimiter, openPolicies, toolRule } from '@reeve/limits';
import { createAttachmentReader } from './attachment-reader.ts';
import { mcpDirectoryOf, ROLES, type Config } from './config.ts';
import { keepBodies } from './body.ts';
import { createEgress, readEgressFile } from './egress.ts';
import { openEmbedders } from './embedders.ts';
import { openExternalMemory } from './external-memory.ts';
import { forgetRuns } from './forget-runs.ts';
import { keepPolicyLimits } from './policy-limits.ts';
import { httpPortOf, startMemoryService } from './roles/memory-service.ts';
import { openSandboxOf, requireSandboxPlace, sandboxTarget } from './roles/sandbox-place.ts';
import { mcpFilesDirectoryOf, workspacesDirectoryOf } from './roots.ts';
import { startSandboxService } from './roles/sandbox-service.ts';
import { createToolContext } from './tool-context.ts';
import { createToolTasks } from './tool-tasks.ts';
import { openToolbox } from './toolbox.ts';
import { keepWorkspaces } from './workspace-retention.ts';
import { commit, version } from './version.ts';

export interface StartOptions {
  readonly config: Config;
  readonly log: Log;
  /** What the lock file calls this process: `serve`, or a command that runs by itself. */
  readonly command: string;
  /** Listen on the configured address, and take tasks from the queue. Without it only `fetch` answers and only adopted runs are worked on. */
  readonly serve: boolean;
}

/** A running Reeve. Disposing stops it in the reverse order of its start. */
export interface Reeve extends AsyncDisposable {
  /** Where it listens; undefined where it does not. */
  readonly url: string | undefined;
  readonly dataDirectory: string;
  readonly database: Database;
  /** Works on tasks; undefined where this process has not the role. */
  readonly worker: Worker | undefined;
  /** Answers a request in process. */
  readonly fetch: (request: Request) => Promise<Response>;
}

/** Connections to one MCP server: a call may hold its own for minutes, and tenants may share a server. */
const MCP_CONNECTIONS = 256;

/** Builds and starts everything, top to bottom. Only this function knows how the parts fit. */
export async function startReeve({ config, log, command, serve }: StartOptions): Promise<Reeve> {
  const dataDirectory = resolve(config.dataDirectory);
  const embedded = config.databaseUrl === undefined;
  const works = config.roles.includes('worker');
  if (serve) requireSafeBinding(config, config.host);
  requireSandboxPlace(config);
  readTls(config);
  if (embedded && config.roles.length < ROLES.length) {
    throw new ReeveError(
      'invalid_request',
      'roles can be split only over PostgreSQL: set DATABASE_URL, or leave REEVE_ROLES unset',
    );
  }

  await using stack = new AsyncDisposableStack();
  collectProcessMetrics();
  const lock: DataLock | undefined = embedded ? stack.use(lockDataDirectory(dataDirectory, command)) : undefined;
  const database = stack.use(
    await openDatabase({
      url: config.databaseUrl,
      directUrl: config.databaseDirectUrl,
      pool: config.databasePool,
      prepared: config.databasePrepared,
      dataDirectory,
      log,
    }),
  );
  await ensureTenant(database.db, DEFAULT_TENANT);
  const owner = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`;
  // The embedded database has one process.
  const slots = embedded ? undefined : stack.use(createModelSlotStore(database, owner));
  const models = openModels(config, log, { slots });
  if (embedded) {
    await expireLeases(database.db);
    await expireCalls(database.db);
    await releaseExtractions(database.db);
    await expireHolds(database.db);
  }
  const target = sandboxTarget(config);
  const sandbox = stack.use(await openSandboxOf(config, serve ? log : silentLog));
  const outgoing = stack.use(createOutgoing({ allowPrivate: config.allowPrivateUrls }));
  const web = {
    outgoing,
    configured: stack.use(createOutgoing({ allowPrivate: true })),
    search: config.webSearchUrl === undefined ? undefined : { url: config.webSearchUrl, key: config.webSearchApiKey },
  };
  const folderLog = serve ? log : silentLog;
  const toolbox = stack.use(await openToolbox({ config, sandbox, web, log, folderLog }));
  const toMcpServers = stack.use(
    createOutgoing({ allowPrivate: config.allowPrivateUrls, connections: MCP_CONNECTIONS }),
  );
  const feed = stack.use(createFeed(database));
  const journal = stack.use(createJournalFeed(database));
  const quota = createQuota(config);
  // Undefined where they are on the disk of the sandbox elsewhere.
  const workspaces = target === undefined ? createWorkspaces(workspacesDirectoryOf(config), quota) : undefined;
  const mcpFiles = target === undefined ? createWorkspaces(mcpFilesDirectoryOf(config), quota) : undefined;
  const policies = stack.use(await openPolicies(config, database, serve ? log : silentLog));
  const egressOf = createEgress({ database, policies, outgoing, credentials: readEgressFile(config) });
  const mcpPrograms: ProgramHost = {
    sandbox,
    directory: mcpDirectoryOf(config),
    workspaces: mcpFiles ?? createWorkspacesElsewhere(mcpFilesDirectoryOf(config)),
    egressOf: ({ tenantId, name }) => egressOf({ tenantId, sessionId: null, runId: null }, `mcp__${name}`),
  };
  const mcpServers = stack.use(
    openMcpServers({
      database,
      outgoing: toMcpServers,
      programs: mcpPrograms,
      config,
      log: serve ? log : silentLog,
      version,
    }),
  );
  const toolsOf = async (tenantId: string) => (await toolbox.tools()).with(await mcpServers.toolsOf(tenantId));
  const memoryRulesOf: MemoryRulesOf = async (tenantId) => memoryRules((await policies.of(tenantId)).settings.memory);
  const months = createMonthlyBudgets(database, policies);
  const ledgerFor = (owner: CallOwner, booking?: Booking) =>
    underPolicy(createLedger(database, owner, log, booking), owner, policies, months);
  const embedders = stack.use(openEmbedders(config, log, ledgerFor, slots));
  const embedKnowledgeQuery = embedders && stack.use(openQueryEmbedder(database, embedders, log));
  const external = openExternalMemory(config, web.configured);
  const externalQuery = external && openExternalQuery(external, embedKnowledgeQuery, memoryRulesOf, log);
  const embedQuery = externalQuery ?? embedKnowledgeQuery;
  const toolContextFor = createToolContext(
    database,
    memoryRulesOf,
    toolbox,
    workspaces ?? createWorkspacesElsewhere(workspacesDirectoryOf(config)),
    egressOf,
    embedQuery,
  );
  const handler = createRunHandler({
    database,
    embedQuery,
    feed,
    models,
    tools: toolbox.builtin,
    toolsOf,
    log,
    ledgerFor,
    toolRulesOf: async (tenantId) => {
      const policy = await policies.of(tenantId);
      return (tool) => toolRule(policy, tool);
    },
    skillsOf: toolbox.skillsOf,
    memoryRulesOf,
    readAttachment: createAttachmentReader(workspaces),
    callerWaitMs: config.callerToolTimeoutMs,
    modelWaitMs: parseDuration(config.modelWait)!,
    toolContext: async (run, agent, key, signal) => ({
      ...(await toolContextFor(
        { tenantId: run.tenantId, sessionId: run.sessionId, runId: run.id },
        key,
        signal,
        agent,
      )),
      tasks: createToolTasks(database, run, key),
    }),
  });
  const worker = works
    ? stack.use(
        startWorker({
          database,
          handler,
          owner,
          leaseMs: config.leaseMs,
          log,
          concurrency: serve ? config.workerConcurrency : 0,
          prefetch: config.workerPrefetch,
        }),
      )
    : undefined;

  if (serve && config.roles.includes('scheduler')) stack.use(startScheduler({ database, check: checkTask, log }));

  if (serve && (works || config.roles.includes('scheduler'))) stack.use(startSealer(database, log));

  if (serve && (works || config.roles.includes('memory'))) stack.use(startMemoryIndexer(database, log));
  if (serve && embedders !== undefined && (works || config.roles.includes('memory')))
    stack.use(startMemoryEmbedding(database, embedders, log));
  let sender: SenderState | undefined;
  if (serve && (works || config.roles.includes('memory'))) {
    if (external === undefined) await disableStores(database.db);
    else sender = stack.use(startExternalSender(database, external, log));
  }
  const externalMemory = externalQuery && {
    circuit: externalQuery.circuit,
    // Another process tells it, or none.
    isBehind: () => sender?.isBehind() ?? false,
  };

  if (serve && works) stack.use(startMemoryExtractor({ database, models, ledgerFor, rulesOf: memoryRulesOf, log }));

  const stopping = new AbortController();
  if (works) stack.use(startMetering(database, log));
  const background = stack.use(new Background(log));
  // Also where the start fails further down.
  stack.defer(() => stopping.abort());
  if (serve && works && config.retentionDays > 0) {
    const retention = { database, days: config.retentionDays, forget: forgetRuns, log };
    background.start('retention', () => runRetention(retention, stopping.signal));
    if (workspaces !== undefined) {
      const isNeeded = (tenantId: string, sessionId: string) =>
        inTenant(database.db, tenantId, async (tx) => (await selectUnended(tx, tenantId, sessionId)).length > 0);
      const files = { isNeeded, workspaces, days: config.retentionDays, log };
      background.start('retention of workspaces', () => keepWorkspaces(files, stopping.signal));
    }
  }
  // Gateways start MCP servers too.
  if (serve && mcpFiles !== undefined && config.retentionDays > 0) {
    const retention = { isNeeded: mcpServers.exists, workspaces: mcpFiles, days: config.retentionDays, log };
    background.start('retention of files of MCP servers', () => keepWorkspaces(retention, stopping.signal));
  }
  const authenticator = stack.use(openAuthenticator(config, database, serve ? log : silentLog));
  const limiter = stack.use(createRequestLimiter({ config, database, policies, log }));
  const overload = stack.use(
    createOverload({ config: { ...config, maxLoopDelayMs: config.maxLoopDelayMs ?? (embedded ? 5_000 : 1_000) }, log }),
  );
  const refusals = stack.use(createRefusalLog({ database, log, tenantOfNobody: DEFAULT_TENANT }));
  if (works)
    background.start('limits of policies', () =>
      keepPolicyLimits({ database, policies, handler, log }, stopping.signal),
    );
  const limit: Limit = async (who, route) => {
    const refused = overload.shed(route);
    return refused === undefined ? limiter.limit(who, route) : { headers: {}, refused };
  };
  const toolCalls = createToolCalls(database, toolsOf, toolContextFor, policies);
  const reader = stack.use(openDocumentReader());
  if (serve && config.capabilitiesRefreshS > 0 && config.roles.includes('memory')) {
    const health = () => ({ models: models.health(), sandbox: sandbox.status() });
    const bodies = { database, reader, toolsOf, health, everyS: config.capabilitiesRefreshS, log };
    background.start('the Body of personas', () => keepBodies(bodies, stopping.signal));
  }
  let notReady: string | undefined = 'starting';
  const app = createGateway({
    config,
    corsOrigins: config.corsOrigins,
    shown: config.shown,
    database,
    feed,
    journal,
    models,
    toolCalls,
    mcpServers,
    skills: toolbox.skills,
    skillsOf: toolbox.skillsOf,
    embedder: embedders?.opened,
    reader,
    sandbox,
    worker,
    handler,
    embedQuery,
    embedKnowledgeQuery,
    externalMemory,
    workspaces,
    ledgerFor,
    log,
    version,
    commit,
    roles: config.roles,
    api: config.roles.includes('gateway') ? 'gateway' : config.roles.includes('memory') ? 'memory' : 'none',
    authenticate: authenticator.authenticate,
    keyChanged: authenticator.keyChanged,
    limit,
    enter: overload.enter,
    onRefused: refusals.onRefused,
    holds: { policies: policies.health, limits: limiter.health, overload: overload.health },
    policies,
    memoryRulesOf,
    stopping: stopping.signal,
    notReady: () => notReady,
    consoleDirectory: join(import.meta.dirname, '../../console/dist'),
  });
  const server = serve
    ? stack.use(await startHttpServer(app, { host: config.host, port: httpPortOf(config) }))
    : undefined;
  if (server !== undefined) lock?.announce(server.url);
  if (serve) {
    const authenticate = createCallAuthenticator({
      config,
      authenticate: authenticator.authenticate,
      ensure: (tenantId) => ensureTenant(database.db, tenantId),
    });
    const shared = { config, authenticate, limit, onRefused: refusals.onRefused, log };
    const programs =
      'tools' in sandbox || workspaces === undefined || mcpFiles === undefined
        ? undefined
        : { sandbox, workspaces, mcpFiles, connect: outgoing.connect };
    stack.use((await startSandboxService({ ...shared, calls: toolCalls, programs })) ?? null);
    stack.use((await startMemoryService(shared, database, memoryRulesOf, { embedQuery, embedKnowledgeQuery })) ?? null);
  }
  notReady = undefined;
  stack.defer(() => {
    notReady = 'draining';
    worker?.drain();
    stopping.abort();
  });
  const parts = stack.move();
  return {
    url: server?.url,
    dataDirectory,
    database,
    worker,
    fetch: (request) => app.fetch(request),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
