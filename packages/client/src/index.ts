export { createClient } from './client.ts';
export type { CallOptions, Client, ClientOptions, FollowTasks } from './client.ts';
export { defineTool } from './define-tool.ts';
export type { ExtensionTool, InputSchema, JsonSchema, ToolCall, ToolEffect } from './define-tool.ts';
export { ClientError } from './error.ts';
