import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BREAK_REASONS, type ChainVerification } from '@reeve/contract';
import { anchorOf, breakWords, verifyAll, type VerifyProgress } from './verify.ts';

const HASH = 'ab'.repeat(32);
const piece = (part: Partial<ChainVerification>): ChainVerification => ({
  ok: true,
  checked: 100,
  head: { number: 250, hash: HASH },
  unsealed: 0,
  next: null,
  ...part,
});

test('a long chain is looked at piece by piece to its end', async () => {
  const asked: number[] = [];
  const told: VerifyProgress[] = [];
  const verdict = await verifyAll(
    async (from) => {
      asked.push(from);
      return from > 200 ? piece({ checked: 50, unsealed: 3 }) : piece({ next: from + 100 });
    },
    (progress) => told.push(progress),
  );
  assert.deepEqual(asked, [1, 101, 201]);
  assert.deepEqual(told.at(-1), { checked: 250, total: 250 });
  assert.deepEqual(verdict, { checked: 250, head: { number: 250, hash: HASH }, unsealed: 3, broken: undefined });
});

test('it ends at what is wrong, and with an answer that leads nowhere', async () => {
  const broken = { number: 7, id: null, reason: 'row_changed' } as const;
  const found = await verifyAll(
    async () => piece({ ok: false, checked: 6, first_broken: broken, next: 101 }),
    () => undefined,
  );
  assert.deepEqual(found.broken, broken);
  const stuck = await verifyAll(
    async () => piece({ next: 1 }),
    () => undefined,
  );
  assert.equal(stuck.checked, 100);
  const empty = await verifyAll(
    async () => piece({ checked: 0, head: null }),
    () => undefined,
  );
  assert.deepEqual([empty.checked, empty.head], [0, null]);
});

test('every kind of break is a sentence', () => {
  for (const reason of BREAK_REASONS)
    assert.match(breakWords({ number: 1_234, id: null, reason }), /^At number 1,234 .+\.$/);
});

test('a head that was written down is read, and what is half of one is said', () => {
  assert.equal(anchorOf(' ', ''), undefined);
  assert.deepEqual(anchorOf('1,204', ` ${HASH.toUpperCase()} `), { number: 1204, hash: HASH });
  for (const [number, hash] of [
    ['', HASH],
    ['0', HASH],
    ['1', HASH.slice(1)],
    ['1.5', HASH],
  ] as const)
    assert.ok('fault' in (anchorOf(number, hash) ?? {}), `${number} ${hash}`);
});
