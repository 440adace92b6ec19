export { delegateToAgent } from './builtin/delegate-to-agent.ts';
export { toolSettings, webSettings } from './config.ts';
export { failedOutcome, outcomeOf } from './outcome.ts';
export { createToolRegistry } from './registry.ts';
export type { ToolDefinition, ToolRegistry, ToolRegistryOptions } from './registry.ts';
export { defineTool } from './tool.ts';
export type { Delegation, Effect, Tool, ToolContext, ToolMemory, ToolResult, ToolTasks } from './tool.ts';
export type { Web } from './web.ts';
