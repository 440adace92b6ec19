export {
  createAgent,
  deleteAgent,
  getAgent,
  listAgentVersions,
  listAgents,
  restoreAgentVersion,
  updateAgent,
} from './agents.ts';
export {
  deleteMemory,
  deleteSession,
  exportSession,
  getLatestMemory,
  getSession,
  listSessions,
  recall,
  remember,
  renameSession,
  storeMemory,
} from './memory.ts';
export { cancelRun, chat, execute, getRun, listRuns, listSteps, plan, planV1, query, run, streamRun } from './runs.ts';
export { getDocs, getHealth, getLive, getMetrics, getOpenApi, getReady, getVersion } from './system.ts';
export { cancelTask, createTask, getTask, getTaskStats, listTasks, retryTask } from './tasks.ts';
export { executeTool, listTools } from './tools.ts';
