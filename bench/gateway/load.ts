import { load as loadWith, type Load } from '../load.ts';
import type { Gateway } from './server.ts';

/** What is asked for. */
export interface Ask {
  /** See upstream.ts. */
  readonly model: string;
  readonly stream: boolean;
  /** Chunks with text that a stream must have. */
  readonly chunks: number;
}

/** A conversation of about 1.4 kB. */
const MESSAGES = [
  { role: 'system', content: 'You are terse. '.repeat(40) },
  { role: 'user', content: 'What is the meaning of it all? '.repeat(24) },
];

/** Asks over and over, `callers` at a time, for `ms`. Throws at the first answer that is not whole. */
export function load(gateway: Gateway, ask: Ask, callers: number, ms: number): Promise<Load> {
  return loadWith(gateway.pid, () => askOnce(gateway, ask), callers, ms);
}

/** One whole answer. */
async function askOnce(gateway: Gateway, ask: Ask): Promise<void> {
  const { statusCode, text } = await post(gateway, ask);
  const whole = ask.stream
    ? text.split('Lorem').length - 1 === ask.chunks && text.includes('[DONE]')
    : text.includes('Lorem');
  if (statusCode !== 200 || !whole)
    throw new Error(`${gateway.name} answered ${statusCode}, ${text.length} bytes: ${text.slice(0, 200)}`);
}

/** One request and all that it answers. */
export async function post(
  { pool, url, headers }: Gateway,
  { model, stream }: Pick<Ask, 'model' | 'stream'>,
  signal?: AbortSignal,
): Promise<{ statusCode: number; text: string }> {
  const answer = await pool.request({
    path: `${url.pathname}/chat/completions`,
    method: 'POST',
    headers,
    body: JSON.stringify({ model, stream, max_tokens: 100, messages: MESSAGES }),
    signal: signal ?? null,
  });
  return { statusCode: answer.statusCode, text: await answer.body.text() };
}
