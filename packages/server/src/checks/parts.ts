import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { describePooler, lookAtSchema, type Holder, type VectorSupport } from '@reeve/db';
import { createOutgoing } from '@reeve/http';
import { ReeveError, silentLog } from '@reeve/kit';
import { openEmbedder, openModels } from '@reeve/models';
import { openSandbox } from '@reeve/sandbox';
import { modelProblems } from '../config-problems.ts';
import type { Config } from '../config.ts';
import { openExternalMemory } from '../external-memory.ts';
import { openChannelTo, sandboxTarget } from '../roles/sandbox-place.ts';
import { fail, ok, warn, type Check } from './check.ts';

const SERVER_PATIENCE_MS = 3_000;
const REMOTE_PATIENCE_MS = 10_000;

/** The database can be opened, and its schema fits. The embedded one of a running server is left alone. */
export async function checkDatabase(config: Config, holder: Holder | undefined): Promise<Check> {
  const name = 'database';
  if (config.databaseUrl === undefined && holder !== undefined)
    return ok(
      name,
      `embedded; open in process ${holder.pid} (reeve ${holder.command}), which migrated it at its start`,
    );
  try {
    const { database, exists, pending, vectors, pooler } = await lookAtSchema(config, false);
    const reached = pooler && describePooler(pooler);
    const what = [
      vectors === undefined ? database : `PostgreSQL ${vectorsOf(vectors)}`,
      ...(reached === undefined ? [] : [reached.found]),
    ].join(', ');
    if (!exists) return ok(name, `${what}; it is made at the first start`);
    if (pending.length === 0) {
      const evidence = `${what}; the schema is up to date`;
      return reached?.remedy == null ? ok(name, evidence) : warn(name, evidence, reached.remedy);
    }
    return warn(
      name,
      `${what}; pending: ${pending.join(', ')}`,
      'run "reeve migrate", or start the server, which does the same',
    );
  } catch (error) {
    const { message } = ReeveError.from(error);
    return fail(
      name,
      message,
      config.databaseUrl === undefined
        ? 'restore the data directory from a backup, or choose another with REEVE_DATA_DIR'
        : 'check DATABASE_URL, DATABASE_DIRECT_URL where it is set, and that PostgreSQL runs',
    );
  }
}

function vectorsOf(vectors: VectorSupport): string {
  return vectors.available ? `with pgvector ${vectors.version}` : `without pgvector (${vectors.reason})`;
}

/** Which sandbox backends work here, by running a command in each; or whether the sandbox elsewhere answers. */
export async function checkSandbox(config: Config): Promise<Check[]> {
  const target = sandboxTarget(config);
  if (target !== undefined) return [await checkSandboxElsewhere(target, config)];
  await using sandbox = await openSandbox(config, silentLog);
  await sandbox.whenProbed();
  const rows = sandbox.describe();
  const taken = rows.find(({ name, available }) => available && name !== 'quickjs');
  return rows.map(({ name, languages, available, untried, reason = '', lacks = {} }) => {
    const what = `sandbox_${name}`;
    if (available) return ok(what, [`runs ${languages.join(', ')}`, ...Object.values(lacks)].join('; '));
    if (untried) return ok(what, reason);
    if (taken !== undefined) return ok(what, `${taken.name} is used instead: ${reason}`);
    const remedy = `until then ${languages.join(', ')} is refused, and agents are not offered it`;
    return config.sandboxBackend === name ? fail(what, reason, remedy) : warn(what, reason, remedy);
  });
}

async function checkSandboxElsewhere(target: string, config: Config): Promise<Check> {
  const name = 'sandbox_remote';
  try {
    await using channel = await openChannelTo(target, config);
    const { lookAtRemoteSandbox } = await import('@reeve/tools/remote');
    const found = [...(await lookAtRemoteSandbox(channel, AbortSignal.timeout(REMOTE_PATIENCE_MS)))];
    const runs = found.filter(([, reason]) => reason === undefined).map(([tool]) => tool);
    const lacks = found.flatMap(([tool, reason]) => (reason === undefined ? [] : [`${tool}: ${reason}`]));
    return ok(name, [`${target} runs ${runs.join(', ')}`, ...lacks].join('; '));
  } catch (error) {
    const remedy = 'start it ("reeve serve --roles sandbox"), or correct SANDBOX_TARGET; until then these tools fail';
    const { message } = ReeveError.from(error);
    return fail(name, message.startsWith(target) ? message : `${target}: ${message}`, remedy);
  }
}

/** The model provider has what its calls need. Calls nobody. */
export function checkModelSettings(config: Config): Check {
  const [problem] = modelProblems(config);
  if (problem !== undefined) return fail('model', problem.message, 'set it, or set LLM_PROVIDER to mock');
  if (config.llmProvider === 'mock') return ok('model', 'the built-in model; LLM_PROVIDER connects a real one');
  return ok(
    'model',
    `${config.llmProvider}, ${openModels(config, silentLog).defaultModel}; configured, not called; "reeve models test" calls it`,
  );
}

/** The embedding provider, which is another one's business than the model's. Calls nobody. */
export function checkEmbedding(config: Config): Check {
  const name = 'embedding';
  try {
    const embedder = openEmbedder(config, silentLog);
    if (embedder === null) return ok(name, 'none: retrieval is lexical; EMBEDDING_PROVIDER connects a model');
    return ok(name, `${embedder.model}; configured, not called`);
  } catch (error) {
    return fail(name, ReeveError.from(error).message, 'set it, or set EMBEDDING_PROVIDER to none');
  }
}

/** The external memory answers that it is well. Undefined where none is set. */
export async function checkExternalMemory(config: Config): Promise<Check | undefined> {
  const name = 'external_memory';
  if (config.somaBaseUrl !== undefined && !config.somaEnabled) return ok(name, 'switched off by SOMA_ENABLED');
  await using outgoing = createOutgoing({ allowPrivate: true });
  const memory = openExternalMemory(config, outgoing);
  if (memory === undefined) return undefined;
  try {
    await memory.check();
    return ok(name, `${memory.name} answers`);
  } catch (error) {
    const remedy = 'start it, or correct SOMA_BASE_URL and SOMA_API_KEY; until then the built-in memory answers';
    return warn(name, ReeveError.from(error).message, remedy);
  }
}

/** The running server answers and is well. Undefined where there is none. */
export async function checkServer(config: Config, holder: Holder | undefined): Promise<Check | undefined> {
  const url = config.url ?? holder?.url;
  if (url == null) return undefined;
  try {
    const health = await createClient({ baseUrl: url }).call(routes.getHealth, {
      signal: AbortSignal.timeout(SERVER_PATIENCE_MS),
    });
    const troubled = Object.entries(health.components).filter(([, { status }]) => status !== 'ok');
    if (troubled.length === 0) return ok('server', `${url}, version ${health.version}: ${health.status}`);
    return warn(
      'server',
      troubled.map(([name, { message = '' }]) => `${name}: ${message}`).join('; '),
      `see ${url}/health`,
    );
  } catch (error) {
    return fail(
      'server',
      `${url}: ${ReeveError.from(error).message}`,
      config.url === undefined ? 'look into its log, or start it again' : 'start it, or take REEVE_URL away',
    );
  }
}
