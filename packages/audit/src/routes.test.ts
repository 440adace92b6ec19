// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AuditRecord, ChainVerification, type Role } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { createApp, type App } from '@reeve/http';
import { newId, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { z } from 'zod';
import { recordAudit, type AuditEntry } from './record.ts';
import { mountAudit } from './routes.ts';
import { sealAll } from './seal-all.ts';
import { verifyLines, type FileVerification } from './verify-lines.ts';

const Listed = z.object({
  entries: z.array(AuditRecord),
  total: z.number(),
  limit: z.number(),
  offset: z.number(),
});
const RUN = newId();

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

const verify = (lines: readonly string[], anchor?: { number: number; hash: string }): Promise<FileVerification> =>
  verifyLines(each(lines), { anchor });

describe('the routes of the audit log', () => {
  let database: Database;
  let app: App;
  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      authenticate: async (header) => {
        const [tenantId = 'default', role = 'operator'] = header('x-as')?.split(' ') ?? [];
        return { tenantId, userId: 'ada', role: role as Role, via: 'header' };
      },
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountAudit(app, database);
    const entries = Array.from({ length: 12 }, (_, n): AuditEntry => ({
      tenantId: 'default',
      actor: n % 3 === 0 ? 'ada' : 'agent:scout',
      action: n % 4 === 0 ? 'TOOL_DENIED' : 'TOOL_CALL',
      traceId: `t${n % 2}`,
      ...(n === 5 && { runId: RUN, taskId: RUN }),
      details: { n, text: 'line\nbreak “é” \u2028', deep: { z: 1, a: [1.5, null] } },
    }));
    for (const entry of entries) await inTenant(database.db, 'default', (tx) => recordAudit(tx, [entry]));
    await sealAll(database);
  });
  after(() => database[Symbol.asyncDispose]());

  async function get(path: string, as?: string): Promise<Response> {
    const request = new Request(`http://x/api/v1/audit${path}`, { headers: as === undefined ? {} : { 'x-as': as } });
    return app.fetch(request);
  }
  const list = async (query = '') => Listed.parse(await (await get(query)).json());
  const exported = async (query = '') => (await (await get(`/export${query}`)).text()).trimEnd().split('\n');

  it('lists rows newest first with their links, in pages', async () => {
    const { entries, total } = await list();
    assert.deepEqual([entries.length, total], [12, 12]);
    assert.deepEqual(
      entries.map(({ number }) => number),
      [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    );
    assert.equal(entries.at(-1)!.previous_hash, '0'.repeat(64));
    for (const [index, { previous_hash }] of entries.slice(0, -1).entries())
      assert.equal(previous_hash, entries[index + 1]!.hash);
    const page = await list('?limit=2&offset=3');
    assert.deepEqual(page.entries, entries.slice(3, 5));
  });

  it('finds rows by trace, actor, action, task, run and time, together too', async () => {
    const numbers = async (query: string) => (await list(query)).entries.map(({ details }) => details['n']);
    assert.deepEqual(await numbers('?actor=ada&trace_id=t0'), [6, 0]);
    assert.deepEqual(await numbers('?action=TOOL_DENIED'), [8, 4, 0]);
    assert.deepEqual([await numbers(`?run_id=${RUN}`), await numbers(`?task_id=${RUN}`)], [[5], [5]]);
    const { entries } = await list();
    assert.deepEqual(await numbers(`?from=${entries[7]!.at}&to=${entries[4]!.at}`), [6, 5, 4]);
    assert.deepEqual(await numbers(`?actor=${encodeURIComponent(`' or true --`)}`), []);
  });

  it('verifies, with an anchor that was written down', async () => {
    const answer = await get('/verify');
    assert.equal(answer.status, 200);
    const whole = ChainVerification.parse(await answer.json());
    assert.deepEqual([whole.ok, whole.checked, whole.head?.number, whole.unsealed], [true, 12, 12, 0]);
    const { entries } = await list('?limit=1&offset=4');
    const anchored = await get(`/verify?number=8&hash=${entries[0]!.hash}`);
    assert.equal(ChainVerification.parse(await anchored.json()).ok, true);
    const other = ChainVerification.parse(await (await get(`/verify?number=7&hash=${entries[0]!.hash}`)).json());
    assert.deepEqual(other.first_broken, { number: 7, id: null, reason: 'anchor_differs' });
  });

  it('refuses what is no query, and whoever is not an operator', async () => {
    for (const query of ['/verify?number=7', '/verify?number=7&hash=abc', '/verify?from=0', '?from=soon', '?trace=1'])
      assert.equal((await get(query)).status, 400, query);
    for (const path of ['', '/verify', '/export']) assert.equal((await get(path, 'default member')).status, 403, path);
  });

  it('shows another tenant nothing', async () => {
    assert.equal(((await (await get('', 'other operator')).json()) as { total: number }).total, 0);
    const found = ChainVerification.parse(await (await get('/verify', 'other operator')).json());
    assert.deepEqual([found.ok, found.checked, found.head], [true, 0, null]);
    const text = await (await get('/export', 'other admin')).text();
    assert.equal(text, '{"exported":0,"last":null,"head":null}\n');
    await inTenant(database.db, 'other', async (tx) => {
      assert.deepEqual((await sql`select 1 from audit_links`.execute(tx)).rows, []);
    });
  });

  it('exports lines that can be verified without the database', async () => {
    const answer = await get('/export');
    assert.equal(answer.headers.get('content-type'), 'application/x-ndjson');
    const lines = await exported();
    assert.equal(lines.length, 13);
    for (const line of lines.slice(0, -1)) AuditRecord.parse(JSON.parse(line));
    const { entries } = await list();
    assert.deepEqual(
      lines.slice(0, -1).map((line) => JSON.parse(line) as unknown),
      entries.toReversed(),
    );
    const head = { number: 12, hash: entries[0]!.hash! };
    assert.deepEqual(await verify(lines, head), { ok: true, checked: 12, head, from: 1 });
    const reordered = lines.map((line) => JSON.stringify(JSON.parse(line), null, 1).replaceAll('\n', ' '));
    assert.equal((await verify(reordered)).ok, true, 'spaces do not matter');
  });

  it('exports a range of times with all that lies between its ends', async () => {
    const { entries } = await list();
    const lines = await exported(`?from=${entries[7]!.at}&to=${entries[4]!.at}`);
    const found = await verify(lines);
    assert.deepEqual([found.ok, found.checked, found.from, found.head?.number], [true, 3, 5, 12]);
    assert.deepEqual(await exported('?to=2001-01-01T00:00:00Z'), [
      `{"exported":0,"last":null,"head":{"number":12,"hash":"${entries[0]!.hash}"}}`,
    ]);
  });

  it('finds every change of an exported file', async () => {
    const lines = await exported();
    const changes = fc.record({
      at: fc.nat({ max: 11 }),
      other: fc.nat({ max: 11 }),
      how: fc.constantFrom('field', 'details', 'remove', 'repeat', 'exchange', 'cut', 'empty'),
    });
    await fc.assert(
      fc.asyncProperty(changes, async ({ at, other, how }) => {
        const changed = [...lines];
        const line = JSON.parse(changed[at]!) as Record<string, unknown>;
        if (how === 'field') changed[at] = JSON.stringify({ ...line, actor: 'eve' });
        if (how === 'details') changed[at] = changed[at]!.replace('1.5', '1.50000000000000000001');
        // Without its first rows a file is a range, which only an anchor tells from the whole.
        if (how === 'remove') changed.splice(Math.max(at, 1), 1);
        if (how === 'repeat') changed.splice(at, 0, changed[at]!);
        if (how === 'exchange') {
          if (at === other) return;
          [changed[at], changed[other]] = [changed[other]!, changed[at]!];
        }
        if (how === 'cut') changed.length = Math.max(1, at);
        if (how === 'empty') changed[at] = JSON.stringify({ ...line, at: undefined });
        assert.equal((await verify(changed)).ok, false, `${how} ${at} ${other}`);
      }),
      cases(),
    );
    await assert.rejects(verify(['{"a":1}']), SyntaxError);
    await assert.rejects(verify(['x']), /line 1 is not JSON/);
    await assert.rejects(verify([]), /empty/);
  });

  it('exports what is left of a chain from which a row was removed, and the file says so', async () => {
    await sql`delete from audit where details ->> 'n' = '4'`.execute(database.db);
    const found = await verify(await exported());
    assert.deepEqual([found.ok, found.checked, found.first_broken?.number], [false, 4, 5]);
    assert.equal(found.first_broken?.reason, 'row_removed');
    const answered = ChainVerification.parse(await (await get('/verify')).json());
    assert.deepEqual(answered.first_broken, found.first_broken);
  });
});
