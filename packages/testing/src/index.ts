export { createTestDatabase, openTestDatabase, passTime, testDatabaseKind } from './database.ts';
export type { TestDatabase } from './database.ts';
export { startServer } from './server.ts';
export type { ServerOptions, ServerProcess } from './server.ts';
export { startFakeUpstream } from './upstream/index.ts';
export type { FakeUpstream, UpstreamReply } from './upstream/index.ts';
export { scriptedModel } from './scripted-model.ts';
export type { ScriptedAnswer, ScriptedModel } from './scripted-model.ts';
