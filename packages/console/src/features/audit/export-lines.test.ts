import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherLines } from './export-lines.ts';

async function* lines(count: number, ...rest: string[]): AsyncGenerator<string> {
  for (let number = 1; number <= count; number++) yield JSON.stringify({ number });
  yield* rest;
}

test('a whole export is a file, line by line, and says how far it is', async () => {
  const told: number[] = [];
  const { file, entries } = await gatherLines(lines(5_000, '{"exported":5000}'), (count) => told.push(count));
  assert.equal(entries, 5_000);
  assert.deepEqual(told, [2_000, 4_000]);
  const text = await file.text();
  assert.equal(text.split('\n').length, 5_002);
  assert.ok(text.endsWith('{"number":5000}\n{"exported":5000}\n'));
});

test('one that was cut off is none', async () => {
  for (const cut of [lines(3), lines(3, '{"expor'), lines(0)])
    await assert.rejects(
      gatherLines(cut, () => undefined),
      /broke off/,
    );
});
