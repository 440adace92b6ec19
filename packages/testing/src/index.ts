export { insertBareTask } from './bare-task.ts';
export {
  createTestDatabase,
  cutConnections,
  letGoOfAudit,
  openTestDatabase,
  passTime,
  testDatabaseKind,
} from './database.ts';
export type { TestDatabase } from './database.ts';
export { createTestEmbedder, embeddersOf, vectorOf } from './embedder.ts';
export type { TestEmbedder } from './embedder.ts';
export { leaveBegun, MODEL_WAIT_MS, openTestEngine, requester } from './engine.ts';
export type { TestEngine } from './engine.ts';
export { startExternalMemory } from './external-memory.ts';
export type { ExternalFault, ExternalRequest, StoredThere, TestExternalMemory } from './external-memory.ts';
export { DRAWING, SOUND, startMcpServer } from './mcp-server.ts';
export type { TestMcpServer } from './mcp-server.ts';
export { startServer } from './server.ts';
export type { ServerOptions, ServerProcess } from './server.ts';
export { startFakeUpstream } from './upstream/index.ts';
export type { FakeUpstream, UpstreamReply } from './upstream/index.ts';
export { scriptedModel } from './scripted-model.ts';
export type { ScriptedAnswer, ScriptedModel } from './scripted-model.ts';
export { startReeve } from './reeve.ts';
export type { Reeve } from './reeve.ts';
export {
  createQueueModel,
  laneOf,
  modelCancel,
  modelClaim,
  modelClaimable,
  modelDecide,
  modelDecideOverdue,
  modelEnqueue,
  modelPromote,
  modelRelease,
  modelRetry,
  modelSettle,
  modelSweep,
  modelWaitingFor,
  MODEL_LEASE_S,
  MODEL_RETRY_S,
} from './queue-model.ts';
export type { ModelInput, ModelKey, ModelTask, QueueModel } from './queue-model.ts';
