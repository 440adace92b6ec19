import { fetch } from 'undici';
import { z } from 'zod';
import type { RemoteConfig } from './targets.ts';

/** For all the answers that are read together. */
const TIMEOUT_MS = 2_000;
const MAX_BYTES = 4 * 2 ** 20;

type Server = Pick<RemoteConfig, 'baseUrl' | 'apiKey'>;
type Ask = (path: string, body?: object) => Promise<unknown>;

/** How many calls a server of the openai-compatible kind takes at once, as llama.cpp says at `/props`. Never throws. */
export async function readServerSlots(server: Server): Promise<number | undefined> {
  return (await readProps(asker(server)))?.total_slots;
}

/**
 * Asks a server for the context window of a model: tokens of input and output that one call may have together, in the ways of
 * llama.cpp (`/props`), vLLM (`/v1/models`), LM Studio (`/api/v0/models`) and Ollama (`/api/ps`, `/api/show`). Undefined from one
 * that does not say. Never throws.
 */
export async function readContextWindow(server: Server, model: string): Promise<number | undefined> {
  const ask = asker(server);
  const found = await Promise.all([
    readProps(ask).then((props) => props?.default_generation_settings?.n_ctx),
    ask('/v1/models').then((answer) => readVllm(answer, model)),
    ask('/api/v0/models').then((answer) => readLmStudio(answer, model)),
    readOllama(ask, model),
  ]);
  return found.find((tokens) => tokens !== undefined);
}

/** Requests JSON of a server, from its root; undefined for whatever is no such answer. */
function asker({ baseUrl, apiKey }: Server): Ask {
  const root = new URL(baseUrl);
  const below = root.pathname.replace(/\/v1\/?$|\/$/, '');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
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
        signal,
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

async function readProps(ask: Ask): Promise<z.infer<typeof Props> | undefined> {
  return Props.safeParse(await ask('/props')).data;
}

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

/**
 * The window of a model that Ollama has loaded, else `num_ctx` of the model's own settings; what its weights could hold is no window
 * that Ollama gives it.
 */
async function readOllama(ask: Ask, model: string): Promise<number | undefined> {
  const List = z.object({
    models: z.array(z.object({ name: z.string(), context_length: Tokens.optional().catch(undefined) })),
  });
  const loaded = List.safeParse(await ask('/api/ps')).data?.models;
  // Nobody else answers like that, and a POST could be taken for a call.
  if (loaded === undefined) return undefined;
  const window = loaded.find(({ name }) => name === model || name === `${model}:latest`)?.context_length;
  if (window !== undefined) return window;
  const { parameters } = z.object({ parameters: z.string() }).safeParse(await ask('/api/show', { model })).data ?? {};
  const found = /^num_ctx\s+(\d{1,9})\s*$/m.exec(parameters ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
