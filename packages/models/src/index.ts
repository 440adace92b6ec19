export { modelSettings } from './config.ts';
export type { ModelConfig, Provider } from './config.ts';
export { hasBrokenOff, isUnavailable } from './calls/call-failure.ts';
export { openEmbedder } from './embeddings/embedder.ts';
export type { Embedder, Embeddings, EmbeddingUsage } from './embeddings/embedder.ts';
export { generateObject } from './generate-object.ts';
export type { GeneratedObject, GenerateObject } from './generate-object.ts';
export type {
  ChatCall,
  ChatPart,
  ContextItem,
  FinishReason,
  ModelGateway,
  ModelInfo,
  ModelImage,
  ModelMessage,
  ModelPart,
  ModelRequest,
  ModelToolCall,
  RelayedPart,
  RelayRemainder,
  TokenUsage,
  ToolDefinition,
} from './model.ts';
export { openModels } from './open.ts';
export { localServerOf } from './targets.ts';
export type { ModelTurn } from './queue/turn.ts';
