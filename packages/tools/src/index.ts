export { toolSettings } from './config.ts';
export { failedOutcome } from './outcome.ts';
export { createToolRegistry } from './registry.ts';
export type { ToolDefinition, ToolRegistry, ToolRegistryOptions } from './registry.ts';
export { defineTool } from './tool.ts';
export type { Effect, Tool, ToolContext, ToolMemory, ToolResult } from './tool.ts';
