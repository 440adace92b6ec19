import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = join(import.meta.dirname, '../../../.ci/model-server.sh');

/** Whether the programs of the model server are there; `.ci/model-server.sh fetch` gets them. */
export const hasModelServer = spawnSync(script, ['has']).status === 0;

export interface ModelServerOptions {
  /** Calls that it answers at a time; others wait in its queue. */
  readonly slots: number;
  /** Tokens of a slot's window. */
  readonly tokens: number;
}

/** A llama.cpp server with a small language model. */
export interface ModelServer extends AsyncDisposable {
  /** Settings with which Reeve uses it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again where it was. */
  restart(): Promise<void>;
}

/** Starts one on a free port; disposing stops it. */
export async function startModelServer({ slots, tokens }: ModelServerOptions): Promise<ModelServer> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-model-'));
  const start = async (port: readonly string[]) =>
    (await run(script, ['start', directory, String(slots), String(tokens), ...port])).stdout.trim();
  const url = await start([]);
  return {
    environment: { LLM_PROVIDER: 'openai-compatible', LLM_BASE_URL: url, LLM_MODEL: 'smollm2' },
    async kill() {
      await run(script, ['kill', directory]);
    },
    async restart() {
      await start([new URL(url).port]);
    },
    async [Symbol.asyncDispose]() {
      await run(script, ['stop', directory]);
    },
  };
}
