import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { createClient } from '@reeve/client';
import { createFolderSync } from './folder-sync.ts';

it('a folder waits for a server that has too much to do, and sends its files again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-folder-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'a.md'), 'A note.');
  const statuses: number[] = [];
  const client = createClient({
    baseUrl: 'http://server',
    fetch: async ({ method }) => {
      if (method === 'GET') return Response.json({ documents: [], total: 0, limit: 200, offset: 0 });
      statuses.push(statuses.length < 2 ? 429 : 201);
      const status = statuses.at(-1)!;
      const error = { error: 'too many files wait to be read', code: 'rate_limited' };
      return Response.json(status === 429 ? error : { deduplicated: false, replaced: false }, { status });
    },
  });
  const sync = createFolderSync({ client, persona: 'desk', knowledgeBase: 'Domain-KB', directory, tags: [] });
  const { added, failed } = await sync.look(AbortSignal.timeout(30_000));
  assert.deepEqual([added, failed, statuses], [1, [], [429, 429, 201]]);
});
