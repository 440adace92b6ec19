export { mountMcpServers } from './routes.ts';
export { openMcpServers } from './servers-open.ts';
export type { ProgramPlace } from './programs.ts';
export type { McpServers } from './servers-open.ts';
