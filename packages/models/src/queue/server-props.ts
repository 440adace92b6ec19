import { fetch } from 'undici';
import { z } from 'zod';
import type { RemoteConfig } from '../targets.ts';

const TIMEOUT_MS = 2_000;
const Props = z.object({
  total_slots: z.int().min(1).max(10_000),
  default_generation_settings: z.object({ n_ctx: z.int().min(1) }).optional(),
});

/** What a llama.cpp server says of itself. */
export interface ServerProps {
  /** Calls that it takes at once. */
  readonly slots: number;
  /** Tokens of input and output that one call may have together; undefined where it does not say. */
  readonly contextTokens: number | undefined;
}

/** Asks a llama.cpp server at `/props`; undefined from a server that does not say. Never throws. */
export async function readServerProps({
  baseUrl,
  apiKey,
}: Pick<RemoteConfig, 'baseUrl' | 'apiKey'>): Promise<ServerProps | undefined> {
  const url = new URL(baseUrl);
  url.pathname = url.pathname.replace(/\/v1\/?$|\/$/, '') + '/props';
  try {
    const response = await fetch(url, {
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await response.text();
    const props = response.ok ? Props.safeParse(JSON.parse(body)).data : undefined;
    return props && { slots: props.total_slots, contextTokens: props.default_generation_settings?.n_ctx };
  } catch {
    return undefined;
  }
}
