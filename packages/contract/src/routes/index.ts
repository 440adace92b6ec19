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
  deleteMemories,
  deleteMemory,
  exportMemories,
  getMemory,
  listMemories,
  proposeMemoryCleanup,
  recall,
  remember,
  updateMemory,
} from './memory.ts';
export {
  deleteSession,
  exportSession,
  getLatestMemory,
  getSession,
  importSession,
  listSessions,
  renameSession,
  storeMemory,
} from './sessions.ts';
export {
  cancelRun,
  chat,
  execute,
  forkRun,
  getRun,
  listRuns,
  listSteps,
  plan,
  planV1,
  query,
  run,
  streamRun,
} from './runs.ts';
export { getDocs, getHealth, getLive, getMetrics, getOpenApi, getReady, getVersion } from './system.ts';
export { decideTask, listPendingApproval } from './task-decisions.ts';
export {
  cancelTask,
  createTask,
  createTaskBatch,
  getTask,
  getTaskStats,
  listTasks,
  retryTask,
  streamTask,
  streamTasks,
  watchTasks,
} from './tasks.ts';
export { cancelWorkflow, createWorkflow, getWorkflow, listWorkflows } from './workflows.ts';
export {
  decideApproval,
  getApproval,
  deletePolicy,
  listApprovals,
  listLimits,
  listPolicies,
  putLimit,
  putPolicy,
} from './approvals.ts';
export { exportAudit, listAudit, verifyAudit } from './audit.ts';
export { listJournal, listMemoryEvents } from './journal.ts';
export { createKey, listKeys, revokeKey, rotateKey } from './keys.ts';
export {
  createSchedule,
  deleteSchedule,
  getSchedule,
  listSchedules,
  listScheduleTypes,
  runDueSchedules,
  updateSchedule,
} from './schedules.ts';
export {
  createTenant,
  deleteTenantOverrides,
  getTenant,
  listTenants,
  putTenantOverrides,
  updateTenant,
} from './tenants.ts';
export { echo, getDashboardData, getSettings, putSettings } from './operations.ts';
export {
  createMcpServer,
  deleteMcpServer,
  getMcpServer,
  listMcpServers,
  listMcpTools,
  mcp,
  testMcpServer,
  updateMcpServer,
} from './mcp.ts';
export { getSkill, listSkills } from './skills.ts';
export { executeTool, listTools } from './tools.ts';
export { getUsage, listBudgets, listModelCalls, putBudget } from './usage.ts';
export { createEmbeddings } from './embeddings.ts';
export { createChatCompletion, getModel, getModelOf, listModels } from './completions.ts';
export {
  addDocument,
  createPersona,
  deleteDocument,
  deletePersona,
  deletePlaybook,
  getDocument,
  getPersona,
  getRagContext,
  listChunks,
  listDocuments,
  listPersonas,
  listPlaybooks,
  searchKnowledge,
  storePlaybook,
  updatePersona,
} from './personas.ts';
export { cancelResponse, createResponse, getResponse } from './responses.ts';
export { deleteFile, downloadFile, downloadWorkspace, getWorkspaceUsage, listFiles, uploadFile } from './workspaces.ts';
export { companion, resumeUiChat, uiChat } from './wires.ts';
