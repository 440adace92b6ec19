import type { Pool } from 'undici';
import { load as loadWith, type Load } from '../load.ts';

/** A server under load. */
export interface Target {
  readonly pool: Pool;
  readonly pid: number;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Posts `task` to /execute over and over, `callers` at a time, for `ms`. Throws at the first answer that is no result. */
export function load(target: Target, task: string, callers: number, ms: number): Promise<Load> {
  return loadWith(target.pid, () => execute(target, task), callers, ms);
}

/** Posts `task` to /execute once. Throws where the answer is no result. */
export async function execute({ pool, headers }: Target, task: string): Promise<void> {
  const answer = await pool.request({
    path: '/execute',
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ task }),
  });
  const { status } = (await answer.body.json()) as { status?: unknown };
  if (answer.statusCode !== 200 || status !== 'completed')
    throw new Error(`POST /execute answered ${answer.statusCode}`);
}
