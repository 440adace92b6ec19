import { fetch } from 'undici';
import { z } from 'zod';
import type { RemoteConfig } from './targets.ts';

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 4 * 2 ** 20;

/** What a server of the openai-compatible kind says of itself and of a model; undefined where it does not say. */
export interface ServerInfo {
  /** Calls that it takes at once. */
  readonly slots: number | undefined;
  /** Tokens of input and output that one call may have together. */
  readonly contextTokens: number | undefined;
}

type Server = Pick<RemoteConfig, 'baseUrl' | 'apiKey'>;
type Ask = (path: string, body?: object) => Promise<unknown>;

/**
 * Asks a server for its slots and for the context window of a model, in the ways of llama.cpp (`/props`), vLLM (`/v1/models`),
 * LM Studio (`/api/v0/models`) and Ollama (`/api/ps`, `/api/show`), all at once. Never throws.
 */
export async function readServerInfo(server: Server, model: string): Promise<ServerInfo> {
  const ask = asker(server);
  const [props, ...windows] = await Promise.all([
    ask('/props').then((answer) => Props.safeParse(answer).data),
    ask('/v1/models').then((answer) => readVllm(answer, model)),
    ask('/api/v0/models').then((answer) => readLmStudio(answer, model)),
    ask('/api/ps').then((answer) => readOllamaLoaded(answer, model)),
    ask('/api/show', { model }).then(readOllamaModel),
  ]);
  return {
    slots: props?.total_slots,
    contextTokens: props?.default_generation_settings?.n_ctx ?? windows.find((tokens) => tokens !== undefined),
  };
}

/** Requests JSON of a server, from its root; undefined for whatever is no such answer. */
function asker({ baseUrl, apiKey }: Server): Ask {
  const root = new URL(baseUrl);
  const below = root.pathname.replace(/\/v1\/?$|\/$/, '');
  return async (path, body) => {
    root.pathname = below + path;
    try {
      const response = await fetch(root, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      return response.ok && text.length <= MAX_BYTES ? (JSON.parse(text) as unknown) : undefined;
    } catch {
      return undefined;
    }
  };
}

const Tokens = z.int().min(1).max(1_000_000_000);
const Props = z.object({
  total_slots: z.int().min(1).max(10_000),
  default_generation_settings: z.object({ n_ctx: Tokens }).optional(),
});

function readVllm(answer: unknown, model: string): number | undefined {
  const List = z.object({
    data: z.array(z.object({ id: z.string(), max_model_len: Tokens.optional().catch(undefined) })),
  });
  return List.safeParse(answer).data?.data.find(({ id }) => id === model)?.max_model_len;
}

function readLmStudio(answer: unknown, model: string): number | undefined {
  const Length = Tokens.optional().catch(undefined);
  const List = z.object({
    data: z.array(z.object({ id: z.string(), loaded_context_length: Length, max_context_length: Length })),
  });
  const found = List.safeParse(answer).data?.data.find(({ id }) => id === model);
  // What is loaded may have less than the model could.
  return found?.loaded_context_length ?? found?.max_context_length;
}

/** The window of a model that Ollama has loaded. */
function readOllamaLoaded(answer: unknown, model: string): number | undefined {
  const List = z.object({
    models: z.array(z.object({ name: z.string(), context_length: Tokens.optional().catch(undefined) })),
  });
  return List.safeParse(answer).data?.models.find(({ name }) => name === model || name === `${model}:latest`)
    ?.context_length;
}

/** `num_ctx` of a model's own settings; what its weights could hold is no window that Ollama gives it. */
function readOllamaModel(answer: unknown): number | undefined {
  const { parameters } = z.object({ parameters: z.string() }).safeParse(answer).data ?? {};
  const found = /^num_ctx\s+(\d{1,9})\s*$/m.exec(parameters ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
