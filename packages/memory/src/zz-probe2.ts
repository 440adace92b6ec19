import { inTenant } from '@reeve/db';
import { RecallInput } from '@reeve/contract';
import { openTestDatabase } from '@reeve/testing';
import { appendMessages, ensureSession } from './sessions.ts';
import { recall } from './memories.ts';
import { sql } from 'kysely';
const database = await openTestDatabase();
const prose = 'The quick brown fox jumps over the lazy dog, while 42 engineers at example.com discuss query planners and budgets. ';
const time = async (name: string, work: () => Promise<unknown>) => { const t = performance.now(); await work(); console.log(name, Math.round(performance.now() - t)); };
const id = crypto.randomUUID();
await inTenant(database.db, 'default', async (tx) => {
  await ensureSession(tx, { tenantId: 'default', sessionId: id, title: 'x' });
  for (let i = 0; i < 20; i++) await appendMessages(tx, 'default', id, Array.from({ length: 100 }, (_, n) => ({ role: 'user' as const, content: prose.repeat(9) + n })));
});
await time('recall', () => inTenant(database.db, 'default', (tx) => recall(tx, 'default', RecallInput.parse({ query: 'fox planner', kinds: ['message'] }))));

for (const p of ['a_', '~/', '<!--', '字', 'a ']) await inTenant(database.db, 'default', async (tx) => {
  const id = crypto.randomUUID();
  await ensureSession(tx, { tenantId: 'default', sessionId: id, title: 'x' });
  await appendMessages(tx, 'default', id, Array.from({ length: 200 }, (_, n) => ({ role: 'user' as const, content: p.repeat(10000/p.length) })));
  await time('adversarial ' + p, () => recall(tx, 'default', RecallInput.parse({ query: 'fox planner', kinds: ['message'] })));
});
if (database.kind === 'postgres') {
  await inTenant(database.db, 'default', async (tx) => {
    await sql`insert into memories(id,tenant_id,text,digest,created_at) select gen_random_uuid(),'default','fact number '||i||' about w'||(i%5000)||' zebra'||i, i::text, reeve_now() from generate_series(1,50000) i`.execute(tx);
    
    await sql`analyze memories`.execute(database.db);
  await inTenant(database.db, 'default', async (tx) => {
    await sql`set local enable_seqscan=off`.execute(tx);
    const { rows } = await sql<any>`explain analyze select id from memories where tenant_id='default' and search @@ '''w77'' | ''zebra'''::tsquery`.execute(tx);
    console.log(rows.map((r: any) => r['QUERY PLAN']).join('\n'));
  });
  const { rows } = await sql<any>`explain analyze select id from memories where tenant_id='default' and search @@ '''w77'' | ''zebra'''::tsquery`.execute(tx);
    console.log(rows.map((r: any) => r['QUERY PLAN']).join('\n'));
  });
  await sql`analyze memories`.execute(database.db);
  await inTenant(database.db, 'default', async (tx) => {
    await sql`set local enable_seqscan=off`.execute(tx);
    const { rows } = await sql<any>`explain analyze select id from memories where tenant_id='default' and search @@ '''w77'' | ''zebra'''::tsquery`.execute(tx);
    console.log(rows.map((r: any) => r['QUERY PLAN']).join('\n'));
  });
  const { rows } = await sql<any>`explain analyze select id from memories where tenant_id='default' and search @@ '''w77'' | ''zebra'''::tsquery`.execute(database.db);
  console.log(rows.map((r: any) => r['QUERY PLAN']).join('\n'));
}
await database[Symbol.asyncDispose]();
