import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createSplitter } from './output.ts';
import type { OutputStream } from '../sandbox.ts';

const piece = fc.record({
  stream: fc.constantFrom<OutputStream>('stdout', 'stderr'),
  bytes: fc.uint8Array({ maxLength: 40 }),
});

it('takes the two streams apart, however what is read is cut', () => {
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (pieces, cuts) => {
      const sent = Buffer.concat(pieces.map(({ stream, bytes }) => framed(stream, bytes)));
      const heard = { stdout: '', stderr: '' };
      const split = createSplitter((stream, chunk) => (heard[stream] += chunk.toString('latin1')));
      for (let at = 0, round = 0; at < sent.length; round++) {
        const length = cuts[round % cuts.length]!;
        split(sent.subarray(at, at + length));
        at += length;
      }
      for (const stream of ['stdout', 'stderr'] as const) {
        const expected = pieces.filter((one) => one.stream === stream).map(({ bytes }) => Buffer.from(bytes));
        assert.equal(heard[stream], Buffer.concat(expected).toString('latin1'));
      }
    }),
    cases(),
  );
});

it('takes a million pieces of a byte apart within seconds', () => {
  const sent = Buffer.concat(Array.from({ length: 1_000_000 }, () => framed('stdout', Buffer.from('x'))));
  let heard = 0;
  const startedAt = performance.now();
  createSplitter((_, chunk) => (heard += chunk.length))(sent);
  assert.equal(heard, 1_000_000);
  assert.ok(performance.now() - startedAt < 10_000);
});

function framed(stream: OutputStream, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === 'stdout' ? 1 : 2;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}
