// runs on: both databases
import assert from 'node:assert/strict';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes, type ToolOutcome } from '@reeve/contract';
import { newId, silentLog, sleep } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { createTestDatabase, type TestDatabase } from '@reeve/testing/database';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());

/** The first call leaves a file and never ends; one that finds the file does. */
const EXTENSION = `
import { existsSync, writeFileSync } from 'node:fs';
import { defineTool } from '@reeve/client';
export const tool = defineTool({
  name: 'once_slow',
  description: 'Is slow once.',
  effect: 'none',
  timeoutMs: 120_000,
  input: { type: 'object' },
  async execute() {
    if (existsSync('begun')) return 'at last';
    writeFileSync('begun', '');
    await new Promise((resolve) => setTimeout(resolve, 110_000));
  },
});`;

describe(
  'a server killed in a call of an extension',
  {
    timeout: 180_000,
    skip: sandbox.unavailable('node') ?? false,
  },
  () => {
    let place: TestDatabase;
    let upstream: FakeUpstream;
    before(async () => {
      [place, upstream] = [await createTestDatabase(), await startFakeUpstream()];
      upstream.respond(({ messages }) =>
        messages.at(-1)?.role === 'tool' ? { text: ['Done.'] } : { toolCalls: [{ name: 'once_slow', input: {} }] },
      );
    });
    after(async () => {
      await place[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    });

    it('makes the call again once it has loaded the extension, since that says that a repeat does no harm', async () => {
      const extensions = join(place.dataDirectory, 'data', 'extensions');
      await mkdir(extensions, { recursive: true });
      await writeFile(join(extensions, 'once_slow.ts'), EXTENSION);
      const options = { ...place, environment: { ...upstream.environment, REEVE_LEASE_MS: '2000' } };
      const sessionId = newId();
      const first = await startServer(options);
      const client = createClient({ baseUrl: first.url });
      await client.call(routes.createAgent, { body: { name: 'Slow', slug: 'slow', tools: ['once_slow'] } });
      const body = { agent_config_id: 'slow', message: 'Go.', session_id: sessionId, stream: false };
      void client.call(routes.chat, { body }).catch(() => undefined);
      const begun = join(place.dataDirectory, 'data', 'workspaces', 'default', sessionId, 'begun');
      for (let tries = 0; !(await exists(begun)); tries++) {
        assert.ok(tries < 600, first.log.join('\n'));
        await sleep(50);
      }
      await first.end('SIGKILL');

      await using second = await startServer(options);
      const after = createClient({ baseUrl: second.url });
      const { runs } = await after.call(routes.listRuns, { query: { session_id: sessionId } });
      for await (const _ of after.followRun(runs[0]!.id, { signal: AbortSignal.timeout(60_000) }));
      const run = await after.call(routes.getRun, { params: { id: runs[0]!.id } });
      assert.deepEqual([run.status, run.result], ['completed', 'Done.']);
      const { steps } = await after.call(routes.listSteps, { params: { id: run.id } });
      const call = steps.find(({ kind }) => kind === 'tool')!;
      assert.deepEqual([call.attempt, (call.output as ToolOutcome).result], [2, 'at last']);
    });
  },
);

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
