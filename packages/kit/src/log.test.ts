import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { withContext } from './context.ts';
import { createLog } from './log.ts';

function logOf(format: 'json' | 'pretty' = 'json') {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return {
    log: createLog('gateway', { level: 'info', format, destination }),
    lines,
    last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown>,
  };
}

describe('the log', () => {
  it('writes one JSON object a line with time, level, service and message', () => {
    const { log, lines, last } = logOf();
    log.info({ duration_ms: 3 }, 'done\nwith "it"');
    log.debug('too quiet');
    assert.equal(lines.length, 1);
    assert.equal(lines[0]!.trimEnd().includes('\n'), false);
    const { timestamp, ...rest } = last();
    assert.deepEqual(rest, { level: 'info', service: 'gateway', message: 'done\nwith "it"', duration_ms: 3 });
    assert.ok(Math.abs(Date.parse(String(timestamp)) - Date.now()) < 5_000);
  });

  it('finds the ids of the request it is written in', () => {
    const { log, last } = logOf();
    withContext({ requestId: 'r', traceId: 't', tenantId: 'acme' }, () => log.info('inside'));
    assert.deepEqual([last()['request_id'], last()['trace_id'], last()['tenant_id']], ['r', 't', 'acme']);
    log.info('outside');
    assert.equal('request_id' in last(), false);
  });

  it('masks what is secret by its key, down to the third level', () => {
    const { log, lines } = logOf();
    log.info(
      {
        password: 'hunter2',
        config: { apiKey: 'hunter2', name: 'kept' },
        request: { headers: { authorization: 'hunter2', cookie: 'hunter2', 'x-api-key': 'hunter2' } },
      },
      'x',
    );
    assert.doesNotMatch(lines[0]!, /hunter2/);
    assert.match(lines[0]!, /kept/);
  });

  it('tells an error with its cause', () => {
    const { log, lines } = logOf();
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    assert.match(lines[0]!, /outer.*inner/);
  });
});
