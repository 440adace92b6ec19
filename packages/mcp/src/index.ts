export { mountMcpServers } from './routes.ts';
export { openMcpServers } from './servers-open.ts';
export type { ProgramHost } from './programs.ts';
export type { McpServers } from './servers-open.ts';
