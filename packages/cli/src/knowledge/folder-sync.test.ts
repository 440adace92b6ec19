// runs in: its own process
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createFolderSync, type FolderSyncOptions, type SyncSummary } from './folder-sync.ts';

const NOTHING: SyncSummary = { added: 0, replaced: 0, removed: 0, unchanged: 0, skipped: 0, failed: [] };
const EXAMPLE = { persona: 'desk', knowledgeBase: 'Domain-KB', name: 'notes', tags: [] } as const;
const signal = () => AbortSignal.timeout(60_000);

let directory: string;
const write = (file: string, text: string) => writeFile(join(directory, file), text);
const move = (from: string, to: string) => rename(join(directory, from), join(directory, to));

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function failing(status: number): Response {
  const error = { error: `answered ${status}`, code: 'any', request_id: '', trace_id: '', duration_ms: 1 };
  return Response.json({ ...error, service: 'reeve' }, { status });
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reeve-folder-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('a folder and the server', { timeout: 300_000 }, () => {
  let reeve: Reeve;
  let made = 0;
  before(async () => {
    reeve = await startReeve({ REEVE_RATE_LIMIT: 'off' });
  });
  after(() => reeve[Symbol.asyncDispose]());

  /** A folder of a persona of its own. */
  async function follow(options: Partial<FolderSyncOptions> = {}) {
    const asked: string[] = [];
    const broken = new Set<string>();
    const client = createClient({
      baseUrl: reeve.url,
      fetch: (request) => {
        asked.push(request.method);
        return broken.has(request.method) ? Promise.resolve(failing(500)) : fetch(request);
      },
    });
    const { id } = await client.call(routes.createPersona, { body: { name: `Desk ${++made}` } });
    const params = { id, kb: 'Domain-KB' };
    const create = () => createFolderSync({ ...EXAMPLE, ...options, client, persona: id, directory });
    const stored = async () => {
      const { documents } = await client.call(routes.listDocuments, { params, query: { limit: 200 } });
      return documents
        .map(({ source, sha256 }) => [source, sha256] as const)
        .toSorted(([one], [other]) => one!.localeCompare(other!));
    };
    return { client, params, create, stored, broken, taken: () => asked.splice(0) };
  }
  const documents = (files: Record<string, string>) =>
    Object.entries(files).map(([file, text]) => [`notes/${file}`, digest(text)] as const);

  const scenes = {
    'a file that moved, with a new one where it was': {
      change: async () => {
        await move('1.md', '4.md');
        await write('1.md', 'new');
      },
      now: { '1.md': 'new', '2.md': 'two', '3.md': 'three', '4.md': 'one' },
      counts: { added: 1, replaced: 1, unchanged: 2 },
    },
    'files that are numbered anew': {
      change: async () => {
        await move('2.md', '1.md');
        await move('3.md', '2.md');
      },
      now: { '1.md': 'two', '2.md': 'three' },
      counts: { replaced: 2, removed: 1 },
    },
    'two files that changed places': {
      change: async () => {
        await move('1.md', 'aside');
        await move('2.md', '1.md');
        await move('aside', '2.md');
      },
      now: { '1.md': 'two', '2.md': 'one', '3.md': 'three' },
      counts: { replaced: 2, unchanged: 1 },
    },
  };
  for (const [scene, { change, now, counts }] of Object.entries(scenes))
    it(`are alike after one look at ${scene}`, async () => {
      const { create, stored } = await follow();
      const [sync, again] = [create(), create()];
      for (const [n, text] of ['one', 'two', 'three'].entries()) await write(`${n + 1}.md`, text);
      assert.deepEqual(await sync.look(signal()), { ...NOTHING, added: 3 });
      await change();
      assert.deepEqual(await sync.look(signal()), { ...NOTHING, ...counts });
      assert.deepEqual(await stored(), documents(now));
      assert.deepEqual(await again.look(signal()), { ...NOTHING, unchanged: Object.keys(now).length });
    });

  it('are alike after one look, whatever the folder was like and is like now', async () => {
    const state = fc.dictionary(fc.constantFrom('a.md', 'b.md', 'c.md', 'd.md'), fc.constantFrom('v', 'w', 'x', 'y'), {
      noNullPrototype: true,
    });
    const rule = fc.asyncProperty(state, state, fc.boolean(), async (one, other, isWatched) => {
      await rm(directory, { recursive: true });
      const { create, stored } = await follow();
      let sync = create();
      for (const files of [one, other]) {
        await rm(directory, { recursive: true, force: true });
        await mkdir(directory);
        for (const [file, text] of Object.entries(files)) await write(file, text);
        if (!isWatched) sync = create();
        const { added, replaced, unchanged, failed } = await sync.look(signal());
        assert.deepEqual([added + replaced + unchanged, failed], [Object.keys(files).length, []]);
        const now = await stored();
        assert.deepEqual(
          now.map(([, sha256]) => sha256).toSorted(),
          [...new Set(Object.values(files))].map(digest).toSorted(),
        );
        for (const [source, sha256] of now) assert.equal(digest(files[source!.slice('notes/'.length)]!), sha256);
      }
    });
    await fc.assert(rule, cases(30));
  });

  it('agree for a minute while nothing changes', async () => {
    let now = 0;
    const { client, params, create, taken } = await follow({ now: () => now });
    const sync = create();
    const look = async (of: Partial<SyncSummary>, asks: string[]) => {
      taken();
      assert.deepEqual(await sync.look(signal()), { ...NOTHING, ...of });
      assert.deepEqual(taken(), asks);
    };
    await write('a.md', 'an apple');
    await look({ added: 1 }, ['GET', 'POST']);
    now = 59_999;
    await look({ unchanged: 1 }, []);
    await write('b.png', 'of another type');
    await look({ unchanged: 1, skipped: 1 }, []);
    await write('b.md', 'a pear');
    await look({ added: 1, unchanged: 1, skipped: 1 }, ['GET', 'POST']);
    const { documents } = await client.call(routes.listDocuments, { params, query: {} });
    for (const { id } of documents)
      await client.call(routes.deleteDocument, { params: { ...params, document_id: id } });
    now += 59_999;
    await look({ unchanged: 2, skipped: 1 }, []);
    now += 1;
    await look({ added: 2, skipped: 1 }, ['GET', 'POST', 'POST']);
  });

  it('are alike in the end where a document could not be removed at first', async () => {
    let now = 0;
    const { create, stored, broken } = await follow({ now: () => now });
    const sync = create();
    await write('a.md', 'an apple');
    assert.deepEqual(await sync.look(signal()), { ...NOTHING, added: 1 });
    await move('a.md', 'b.md');
    broken.add('DELETE');
    const failed = [{ file: 'a.md', message: 'answered 500' }];
    assert.deepEqual(await sync.look(signal()), { ...NOTHING, unchanged: 1, failed });
    assert.deepEqual(await stored(), documents({ 'a.md': 'an apple' }));
    broken.clear();
    now = 60_000;
    assert.deepEqual(await sync.look(signal()), { ...NOTHING, added: 1, removed: 1 });
    assert.deepEqual(await stored(), documents({ 'b.md': 'an apple' }));
  });

  it('do not send again and again what is there from elsewhere', async () => {
    let now = 0;
    const { client, params, create, stored, taken } = await follow({ now: () => now });
    const sync = create();
    const other = await client.call(routes.addDocument, { params, body: { text: 'the same', source: 'sent' } });
    await write('a.md', 'the same');
    const sends = async (of: Partial<SyncSummary>) => {
      taken();
      assert.deepEqual(await sync.look(signal()), { ...NOTHING, ...of });
      return taken().filter((method) => method === 'POST').length;
    };
    assert.equal(await sends({ unchanged: 1 }), 1);
    now = 60_000;
    assert.equal(await sends({ unchanged: 1 }), 0);
    await write('a.md', 'something else');
    assert.equal(await sends({ added: 1 }), 1);
    await write('a.md', 'the same');
    assert.equal(await sends({ unchanged: 1 }), 1);
    assert.deepEqual(await stored(), [['sent', digest('the same')]]);
    await client.call(routes.deleteDocument, { params: { ...params, document_id: other.id } });
    now += 600_000;
    assert.equal(await sends({ added: 1 }), 1);
  });
});

describe('a folder and a server in trouble', { timeout: 60_000 }, () => {
  /** A folder of these files, whose uploads are answered like this, and the names of what was sent, in order. */
  async function follow(files: number, answer: (file: string, request: Request) => number | Promise<number>) {
    for (let n = 0; n < files; n++) await write(`${n}.md`, `note ${n}`);
    const sent: string[] = [];
    const client = createClient({
      baseUrl: 'http://server',
      fetch: async (request) => {
        if (request.method === 'GET') return Response.json({ documents: [], total: 0, limit: 200, offset: 0 });
        const { name } = (await request.formData()).get('file') as File;
        sent.push(name);
        const status = await answer(name, request);
        const stored = { deduplicated: false, replaced: false, sha256: digest(name) };
        return status === 201 ? Response.json(stored, { status }) : failing(status);
      },
    });
    return { sync: createFolderSync({ ...EXAMPLE, client, directory }), sent };
  }

  it('waits where it has too much to do or is not ready, and sends its files again', async () => {
    const statuses = [429, 503, 201];
    const { sync, sent } = await follow(1, () => statuses.shift()!);
    assert.deepEqual(await sync.look(signal()), { ...NOTHING, added: 1 });
    assert.deepEqual(sent, ['0.md', '0.md', '0.md']);
  });

  it('goes on after faults with single files, and tells which', async () => {
    const { sync } = await follow(12, (file) => (Number.parseInt(file, 10) % 3 === 0 ? 500 : 201));
    const { added, failed } = await sync.look(signal());
    const message = 'answered 500';
    assert.deepEqual([added, failed], [8, ['0.md', '3.md', '6.md', '9.md'].map((file) => ({ file, message }))]);
  });

  it('ends at the fifth fault in a row', async () => {
    const { sync, sent } = await follow(12, () => 500);
    await assert.rejects(sync.look(signal()), { name: 'ClientError', status: 500 });
    assert.ok(sent.length === 5 || sent.length === 6, `${sent.length} were sent`);
  });

  it('sends nothing more once it is refused', async () => {
    const begun = Promise.withResolvers<void>();
    let stopped = 0;
    const { sync, sent } = await follow(6, async (file, request) => {
      if (file === '0.md') {
        await begun.promise;
        return 401;
      }
      begun.resolve();
      const stop = Promise.withResolvers<never>();
      request.signal.addEventListener('abort', () => {
        stopped += 1;
        stop.reject(request.signal.reason);
      });
      return stop.promise;
    });
    await assert.rejects(sync.look(signal()), { name: 'ClientError', status: 401 });
    assert.deepEqual([sent.toSorted(), stopped], [['0.md', '1.md'], 1]);
  });
});
