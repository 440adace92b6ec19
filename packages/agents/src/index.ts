export type { AgentConfig, Requester } from './agent.ts';
export { ensureBuiltinAgents } from './builtin.ts';
export { createAgent, deleteAgent, restoreVersion, updateAgent } from './change.ts';
export { findAgent, selectAgentVersion } from './find.ts';
export { mountAgents } from './routes.ts';
export { listAgents } from './store.ts';
