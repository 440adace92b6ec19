export { modelSettings } from './config.ts';
export type { ModelConfig, Provider } from './config.ts';
export type {
  ContextItem,
  FinishReason,
  ModelGateway,
  ModelMessage,
  ModelPart,
  ModelRequest,
  ModelToolCall,
  TokenUsage,
  ToolDefinition,
} from './model.ts';
export { openModels } from './open.ts';
