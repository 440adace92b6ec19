import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startServer } from '@reeve/testing';
import { Pool } from 'undici';
import { freePort } from '../free-port.ts';
import { startChild } from '../child.ts';
import { createPlace, type Kind } from '../place.ts';

/** A gateway in a process of its own, or the upstream itself. */
export interface Gateway {
  readonly name: string;
  /** Where POST …/chat/completions goes. */
  readonly url: URL;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly pool: Pool;
}

/** The key that Reeve asks for. */
export const KEY = 'rv_bench_key_of_no_worth_at_all_0';
/** A limit that is never met. It is so large that requests are taken from it ahead, ten thousand at a time. */
export const ENOUGH = '9999999/s';
const HEADERS = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };

/** Nothing in between. */
export function direct(upstream: { url: string; pid: number }, stack: AsyncDisposableStack): Gateway {
  return gatewayOf('direct', upstream.url, upstream.pid, {}, stack);
}

/** The smallest proxy. */
export async function startFloor(upstreamUrl: string, stack: AsyncDisposableStack): Promise<Gateway> {
  const child = stack.use(await startChild([fileURLToPath(new URL('floor.ts', import.meta.url)), upstreamUrl]));
  return gatewayOf('floor', child.url, child.pid, {}, stack);
}

/** Reeve as it is run: a key is asked for, each attempt is booked in the ledger before it is sent, and a budget in money holds. */
export async function startGateway(kind: Kind, upstreamUrl: string, stack: AsyncDisposableStack): Promise<Gateway> {
  const place = stack.use(await createPlace(kind));
  const models = join(place.dataDirectory, 'models.yaml');
  await writeFile(
    models,
    'models:\n  openai-compatible/*:\n    context_tokens: 128000\n    max_output_tokens: 8192\n    usd_per_million: { input: 1, output: 5 }\n',
  );
  const environment = {
    LLM_PROVIDER: 'openai-compatible',
    LLM_MODEL: 'fake-1-0',
    LLM_BASE_URL: upstreamUrl,
    LLM_API_KEY: 'no-secret',
    REEVE_API_KEY: KEY,
    REEVE_RATE_LIMIT: ENOUGH,
    REEVE_MODELS_FILE: models,
    LOG_LEVEL: 'info',
  };
  const server = stack.use(await startServer({ ...place, environment }));
  const name = kind === 'pglite' ? 'Reeve on PGlite' : 'Reeve';
  const gateway = gatewayOf(name, `${server.url}/v1`, server.pid, {}, stack);
  await putBudget(gateway, { limit_usd: '100000' });
  return gateway;
}

/** Sets the budget of the tenant of a Reeve. */
export async function putBudget({ pool }: Gateway, limits: Readonly<Record<string, unknown>>): Promise<void> {
  const body = JSON.stringify({ scope: 'tenant', ...limits });
  const answer = await pool.request({ path: '/api/v1/budgets', method: 'PUT', headers: HEADERS, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`PUT /api/v1/budgets answered ${answer.statusCode}: ${text}`);
}

/** @portkey-ai/gateway from this folder's node_modules. Throws where it does not come up. */
export async function startPortkey(upstreamUrl: string, stack: AsyncDisposableStack): Promise<Gateway> {
  const main = join(import.meta.dirname, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const port = await freePort();
  const child = spawn(process.execPath, [main, '--headless', `--port=${port}`], {
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1,localhost' },
  });
  const exited = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const url = `http://127.0.0.1:${port}/v1`;
  for (const until = performance.now() + 20_000; ; await sleep(100)) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      break;
    if (child.exitCode !== null || performance.now() > until) throw new Error('it did not listen');
  }
  const headers = { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': upstreamUrl };
  return gatewayOf('Portkey', url, child.pid!, headers, stack);
}

function gatewayOf(
  name: string,
  url: string,
  pid: number,
  headers: Readonly<Record<string, string>>,
  stack: AsyncDisposableStack,
): Gateway {
  const pool = new Pool(new URL(url).origin, { connections: 512 });
  stack.defer(() => pool.destroy());
  return { name, url: new URL(url), pid, headers: { ...HEADERS, ...headers }, pool };
}
