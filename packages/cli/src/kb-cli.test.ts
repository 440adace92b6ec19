// runs in: its own process
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { startServer, type ServerProcess } from '@reeve/testing';
import { createShell, type TestShell } from '../test/shell.ts';
import type { SyncSummary } from './knowledge/folder-sync.ts';

const EXAMPLES = join(import.meta.dirname, '../../../knowledge_bases');
const NOTHING: SyncSummary = { added: 0, replaced: 0, removed: 0, unchanged: 0, skipped: 0, failed: [] };

suite('personas and knowledge bases', { timeout: 300_000 }, () => {
  let shell: TestShell;
  let server: ServerProcess;
  let folder: string;
  const serve = () => startServer({ dataDirectory: shell.directory, url: undefined });
  const run = async <T>(...args: string[]) => {
    const { code, stdout, stderr } = await shell.run(args);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return (stdout === '' ? undefined : JSON.parse(stdout)) as T;
  };
  const write = async (file: string, text: string) => {
    await mkdir(join(folder, file, '..'), { recursive: true });
    await writeFile(join(folder, file), text);
  };
  const ingest = async (persona = 'desk') => {
    const { code, stdout, stderr } = await shell.run(['kb', 'ingest', folder, '--persona', persona]);
    assert.ok(stdout !== '', stderr);
    return { code, summary: JSON.parse(stdout) as SyncSummary };
  };
  const documents = async (persona = 'desk') => {
    const params = { id: persona, kb: 'Domain-KB' };
    return createClient({ baseUrl: server.url }).call(routes.listDocuments, { params, query: { limit: 200 } });
  };

  before(async () => {
    shell = await createShell();
    folder = join(shell.directory, 'notes');
    server = await serve();
    await run('personas', 'create', '--name', 'Desk', '--json');
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  test('the examples are imported, and are up to date when they are imported again', async () => {
    for (const name of (await readdir(EXAMPLES, { withFileTypes: true })).filter((one) => one.isDirectory())) {
      const first = await run<{ knowledge_bases: Record<string, SyncSummary>; persona: { slug: string } }>(
        'personas',
        'import',
        join(EXAMPLES, name.name),
      );
      assert.equal(first.persona.slug, name.name);
      assert.deepEqual(Object.keys(first.knowledge_bases), ['Soul-KB', 'Domain-KB', 'Body-KB', 'Mind-KB']);
      for (const summary of Object.values(first.knowledge_bases)) assert.deepEqual(summary, { ...NOTHING, added: 1 });
    }
    const again = await run<{ knowledge_bases: Record<string, SyncSummary>; persona: { documents: object } }>(
      'personas',
      'import',
      join(EXAMPLES, 'barky'),
    );
    for (const summary of Object.values(again.knowledge_bases)) assert.deepEqual(summary, { ...NOTHING, unchanged: 1 });
    assert.deepEqual(again.persona.documents, { 'Soul-KB': 1, 'Domain-KB': 1, 'Body-KB': 1, 'Mind-KB': 1 });
    const { matches } = await run<{ matches: { text: string }[] }>(
      'kb',
      'search',
      'how long until a breach must be reported',
      '--persona',
      'cyber-manager',
    );
    assert.match(matches[0]!.text, /72 hours/);
  });

  test('are listed, changed and deleted', async () => {
    await run('personas', 'create', '--name', 'Short lived', '--description', 'One day', '--json');
    const edited = await run<{ name: string; description: string }>(
      ...['personas', 'edit', 'short-lived', '--name', 'Mayfly', '--json'],
    );
    assert.deepEqual([edited.name, edited.description], ['Mayfly', 'One day']);
    const { personas } = await run<{ personas: { slug: string }[] }>('personas', 'list', '--query', 'mayfly');
    assert.deepEqual(
      personas.map(({ slug }) => slug),
      ['short-lived'],
    );
    await run('personas', 'delete', 'short-lived');
    const gone = await shell.run(['personas', 'show', 'short-lived']);
    assert.deepEqual([gone.code, /there is no persona short-lived/.test(gone.stderr)], [1, true]);
    const empty = await shell.run(['personas', 'edit', 'desk']);
    assert.deepEqual([empty.code, /give at least one field/.test(empty.stderr)], [2, true]);
    const nowhere = await shell.run(['kb', 'ingest', 'nowhere', '--persona', 'desk']);
    assert.deepEqual([nowhere.code, /nowhere is not a directory/.test(nowhere.stderr)], [2, true]);
  });

  test('follow a folder: what is new, changed, removed, and what cannot be read', async () => {
    await write('a.md', '# Apples\n\nApples are picked in September.');
    await write('deep/b.txt', 'Bananas come by ship.');
    await write('same.txt', 'Bananas come by ship.');
    await write('picture.png', 'no text');
    await write('.hidden/c.md', 'Hidden.');
    await write('node_modules/d.md', 'Installed.');
    await write('broken.pdf', '%PDF-1.7\nnothing');
    const first = await ingest();
    assert.equal(first.code, 3, 'partly failed');
    const { failed, ...counts } = first.summary;
    assert.deepEqual(counts, { added: 2, replaced: 0, removed: 0, unchanged: 1, skipped: 1 });
    assert.deepEqual(
      failed.map(({ file }) => file),
      ['broken.pdf'],
    );
    assert.match(failed[0]!.message, /pdf/i);
    await rm(join(folder, 'broken.pdf'));
    await rm(join(folder, 'deep'), { recursive: true });
    await write('a.md', '# Apples\n\nApples are picked in October.');
    const second = await ingest();
    assert.deepEqual([second.code, second.summary], [0, { ...NOTHING, replaced: 1, removed: 1, added: 1, skipped: 1 }]);
    const sources = (await documents()).documents.map(({ source }) => source ?? '');
    assert.deepEqual(sources.toSorted(), ['notes/a.md', 'notes/same.txt']);
    const { matches } = await run<{ matches: { text: string }[] }>(
      'kb',
      'search',
      'september october',
      '--persona',
      'desk',
    );
    assert.deepEqual(
      matches.map(({ text }) => text),
      ['Apples\n\nApples are picked in October.'],
    );
  });

  test('take nothing from another folder of the same name, nor from an upload', async () => {
    await run('personas', 'create', '--name', 'Twofold');
    const [one, two] = [join(shell.directory, 'one', 'docs'), join(shell.directory, 'two', 'docs')];
    for (const [directory, text] of [
      [one, 'The first folder knows cranes.'],
      [two, 'The second folder knows herons.'],
    ] as const) {
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, 'birds.md'), text);
    }
    await writeFile(join(two, 'more.md'), 'Storks as well.');
    const client = createClient({ baseUrl: server.url });
    await client.call(routes.addDocument, {
      params: { id: 'twofold', kb: 'Domain-KB' },
      body: { text: 'Somebody sent this.', source: 'docs/sent' },
    });
    const bring = async (directory: string, ...more: string[]) => {
      const { code, stdout } = await shell.run(['kb', 'ingest', directory, '--persona', 'twofold', '--json', ...more]);
      return [code, JSON.parse(stdout) as SyncSummary] as const;
    };
    assert.deepEqual(await bring(one), [0, { ...NOTHING, added: 1 }]);
    const [code, summary] = await bring(two);
    assert.deepEqual(
      [code, summary.added, summary.removed, summary.failed.map(({ file }) => file)],
      [3, 1, 0, ['birds.md']],
    );
    assert.match(summary.failed[0]!.message, /docs\/birds\.md is there from elsewhere; --name/);
    assert.deepEqual(await bring(two, '--name', 'other'), [0, { ...NOTHING, added: 1, unchanged: 1 }]);
    await rm(join(one, 'birds.md'));
    assert.deepEqual(await bring(one), [0, { ...NOTHING, removed: 1 }]);
    const left = (await documents('twofold')).documents.map(({ source }) => source ?? '');
    assert.deepEqual(left.toSorted(), ['docs/more.md', 'docs/sent', 'other/birds.md']);
  });

  test('say no more what a file said that now says what another does', async () => {
    await run('personas', 'create', '--name', 'Twins');
    const directory = join(shell.directory, 'twins');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'b.md'), 'The barn is red.');
    await writeFile(join(directory, 'd.md'), 'The barn is blue.');
    const bring = async () =>
      (await run<SyncSummary>('kb', 'ingest', directory, '--persona', 'twins')) satisfies SyncSummary;
    assert.deepEqual(await bring(), { ...NOTHING, added: 2 });
    await writeFile(join(directory, 'b.md'), 'The barn is blue.');
    assert.deepEqual(await bring(), { ...NOTHING, unchanged: 2 });
    assert.deepEqual(
      (await documents('twins')).documents.map(({ source }) => source),
      ['twins/d.md'],
    );
    assert.deepEqual(await bring(), { ...NOTHING, unchanged: 2 });
  });

  test('belong to the only persona where none is named, and to none where there are more', async () => {
    const { code, stderr } = await shell.run(['kb', 'list']);
    assert.deepEqual([code, stderr.includes('say whose knowledge, by --persona')], [2, true]);
  });

  test('are followed while they change', async () => {
    const watching = shell.start(['kb', 'ingest', folder, '--persona', 'desk', '--watch', '--json']);
    await watching.printed('"unchanged":2');
    await write('c.md', 'Cherries are red.');
    await watching.printed('"added":1');
    watching.signal('SIGINT');
    assert.equal((await watching.ended).code, 130);
  });

  test('are whole and nothing is double after a kill in the middle', async () => {
    await run('personas', 'create', '--name', 'Killed', '--json');
    await rm(folder, { recursive: true });
    for (let n = 0; n < 60; n++)
      await write(`${n}.md`, `# Note ${n}\n\nThe number of this note is n${n}n, and it is about wombats.`);
    const ingesting = shell.start(['kb', 'ingest', folder, '--persona', 'killed', '--json']);
    while ((await documents('killed')).total < 10) await new Promise((resolve) => setTimeout(resolve, 20));
    await server.end('SIGKILL');
    assert.notEqual((await ingesting.ended).code, 0);
    server = await serve();
    const before = (await documents('killed')).total;
    assert.ok(before >= 10 && before < 60, `${before} were there`);
    const { summary } = await ingest('killed');
    assert.deepEqual([summary.added + summary.unchanged, summary.failed], [60, []]);
    assert.equal(summary.unchanged, before);
    const { documents: found, total } = await documents('killed');
    assert.deepEqual([total, new Set(found.map(({ sha256 }) => sha256)).size], [60, 60]);
    for (const n of [0, 9, 59]) {
      const { matches } = await run<{ matches: { source: string }[] }>('kb', 'search', `n${n}n`, '--persona', 'killed');
      assert.deepEqual(
        matches.map(({ source }) => source),
        [`notes/${n}.md`],
      );
    }
  });

  test('memories are listed, exported as lines and deleted', async () => {
    const persona = await run<{ id: string }>('personas', 'create', '--name', 'Rememberer', '--json');
    const client = createClient({ baseUrl: server.url });
    const remember = async (text: string, persona_id?: string) =>
      (await client.call(routes.remember, { body: { text, tags: ['cli'], persona_id } })).id;
    const [first, second] = [await remember('Ada paints'), await remember('Bob paints', persona.id)];
    await remember('Cleo paints', persona.id);
    const listed = await run<{ memories: { id: string }[]; total: number }>(
      ...['memory', 'list', '--persona', 'rememberer', '--limit', '5', '--json'],
    );
    assert.deepEqual([listed.total, listed.memories.at(-1)?.id], [2, second]);
    const exported = await shell.run(['memory', 'export']);
    const lines = exported.stdout.trimEnd().split('\n');
    assert.deepEqual([exported.code, lines.length, lines.at(-1)], [0, 4, '{"exported":3}']);
    assert.equal((JSON.parse(lines[0]!) as { id: string }).id, first);
    for (const bad of [[], ['--all', '--persona', 'rememberer']])
      assert.equal((await shell.run(['memory', 'delete', ...bad])).code, 2);
    assert.equal((await shell.run(['memory', 'delete', first])).code, 0);
    assert.deepEqual(await run('memory', 'delete', '--persona', 'rememberer'), { deleted: 2 });
    assert.deepEqual(await run('memory', 'delete', '--all'), { deleted: 0 });
  });
});
