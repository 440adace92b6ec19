import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { contextFromHeaders, currentContext, withContext } from './context.ts';

const of = (headers: Record<string, string>) => contextFromHeaders((name) => headers[name]);
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the ids of a request', () => {
  it('fit the pattern whatever the headers say', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constant(PARENT),
      fc.stringMatching(/^[A-Za-z0-9._:-]{1,200}$/),
    );
    fc.assert(
      fc.property(hostile, hostile, hostile, (requestId, traceId, traceparent) => {
        const context = of({ 'x-request-id': requestId, 'x-trace-id': traceId, traceparent });
        assert.match(context.requestId, /^[A-Za-z0-9._:-]{1,128}$/);
        assert.match(context.traceId, /^[A-Za-z0-9._:-]{1,128}$/);
      }),
      cases(),
    );
  });

  it("are the caller's where they are well formed", () => {
    const { requestId, traceId } = of({ 'x-request-id': 'order-7', 'x-trace-id': 'a.b:c', traceparent: PARENT });
    assert.deepEqual([requestId, traceId], ['order-7', 'a.b:c']);
  });

  it('take the trace of a traceparent, and make one where that is none', () => {
    assert.equal(of({ traceparent: PARENT }).traceId, TRACE);
    for (const traceparent of [
      `ff-${TRACE}-00f067aa0ba902b7-01`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      PARENT.toUpperCase(),
      `${PARENT}\n`,
    ]) {
      const { traceId } = of({ traceparent });
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.notEqual(traceId, TRACE, traceparent);
    }
  });

  it('are found by what the request awaits, and by nothing beside it', async () => {
    const context = of({ 'x-request-id': 'inside' });
    const inside = withContext(context, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return currentContext()?.requestId;
    });
    assert.equal(currentContext(), undefined);
    assert.equal(await inside, 'inside');
  });
});
