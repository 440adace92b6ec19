import { fetch } from 'undici';
import { z } from 'zod';
import type { RemoteConfig } from '../targets.ts';

const TIMEOUT_MS = 2_000;
const Props = z.object({ total_slots: z.int().min(1).max(10_000) });

/**
 * Asks a llama.cpp server at `/props` how many calls it takes at once; undefined from a server that does not say.
 * Never throws.
 */
export async function readServerSlots({ baseUrl, apiKey }: RemoteConfig): Promise<number | undefined> {
  const url = new URL(baseUrl);
  url.pathname = url.pathname.replace(/\/v1\/?$|\/$/, '') + '/props';
  try {
    const response = await fetch(url, {
      headers: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body = await response.text();
    return response.ok ? Props.safeParse(JSON.parse(body)).data?.total_slots : undefined;
  } catch {
    return undefined;
  }
}
