export * from './common.ts';
export * from './errors.ts';
export * from './events.ts';
export { ROLES } from './role.ts';
export type { Role } from './role.ts';
export { defineRoute } from './route.ts';
export type {
  Access,
  AnswerOf,
  BodyInputOf,
  BodyOf,
  Failure,
  FailureShape,
  Method,
  ParamsOf,
  QueryInputOf,
  QueryOf,
  Responses,
  Route,
} from './route.ts';
export * from './routes/agents.ts';
export * from './routes/approvals.ts';
export * from './routes/audit.ts';
export * from './routes/completions.ts';
export * from './routes/embeddings.ts';
export * from './routes/journal.ts';
export * from './routes/keys.ts';
export * from './routes/mcp.ts';
export * from './routes/memory.ts';
export * from './routes/names.ts';
export * from './routes/operations.ts';
export * from './routes/personas.ts';
export * from './routes/responses.ts';
export * from './routes/runs.ts';
export * from './routes/schedules.ts';
export * from './routes/sessions.ts';
export * from './routes/skills.ts';
export * from './routes/system.ts';
export * from './routes/task-decisions.ts';
export * from './routes/tasks.ts';
export * from './routes/tenants.ts';
export * from './routes/tools.ts';
export * from './routes/usage.ts';
export * from './routes/wire-shapes.ts';
export * from './routes/wires.ts';
export * from './routes/workspaces.ts';
export * from './routes/workflows.ts';
export * as routes from './routes/index.ts';
