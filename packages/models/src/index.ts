export { modelSettings } from './config.ts';
export type { ModelConfig, Provider } from './config.ts';
export { hasBrokenOff, isUnavailable } from './call-failure.ts';
export { openEmbedder } from './embed.ts';
export type { Embedder, Embeddings, EmbeddingUsage } from './embed.ts';
export { generateObject } from './generate-object.ts';
export type { GeneratedObject, GenerateObject } from './generate-object.ts';
export type {
  ChatCall,
  ChatPart,
  ContextItem,
  FinishReason,
  ModelGateway,
  ModelInfo,
  ModelMessage,
  ModelPart,
  ModelRequest,
  ModelToolCall,
  RelayedPart,
  Rest,
  TokenUsage,
  ToolDefinition,
} from './model.ts';
export { openModels } from './open.ts';
