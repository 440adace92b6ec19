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

  it('masks what is secret by its name, however deep, and lets counts of tokens be', () => {
    for (const format of ['json', 'pretty'] as const) {
      const { log, lines } = logOf(format);
      const deep = { a: [{ b: { c: { client_secret: 'hunter2', accessToken: 'hunter2', Cookies: ['hunter2'] } } }] };
      log.info(
        {
          password: 'hunter2',
          config: { apiKey: 'hunter2', name: 'kept', output_tokens: 7171 },
          request: { headers: { Authorization: 'hunter2', cookie: 'hunter2', 'x-api-key': 'hunter2' } },
          deep,
          err: Object.assign(new Error('failed'), {
            config: { headers: { 'X-API-Key': 'hunter2' } },
            token: 'hunter2',
          }),
        },
        'x',
      );
      const text = lines.join('');
      assert.doesNotMatch(text, /hunter2/);
      assert.match(text, /kept/);
      assert.match(text, /7171/);
      assert.equal(deep.a[0]!.b.c.client_secret, 'hunter2', 'what was logged is not changed');
    }
  });

  it('masks what has the form of a secret in messages and errors, and the values it was told of', () => {
    const secrets = ['plain words "of" mine', 'short'];
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk: Buffer, _, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const log = createLog('gateway', { level: 'info', format: 'json', destination, secrets });
    const texts = [
      'Authorization: Bearer hunter2hunter2',
      'the key rv_hunter2hunter2 is wrong',
      'Incorrect API key provided: sk-hunter2-hunter2.',
      'postgres://reeve:hunter2@db:5432/reeve failed',
      'postgres://reeve:h@unter2hunter2@db/reeve failed',
      'GET /hook?a=1&api_key=hunter2&b=2 and ?access_token=hunter2#x',
      'body {"password":"hunter2","x":1}',
      'eyJhunter2.hunter2.hunter2',
      `said ${secrets[0]} aloud`,
      `in an address ${encodeURIComponent(secrets[0]!)}`,
    ];
    for (const text of texts) {
      log.info(text);
      log.error({ err: new Error(text, { cause: new Error(text) }), text }, 'failed');
    }
    // What begins anew in each of its parts takes minutes where it is looked through again from each.
    const from = performance.now();
    for (const part of ['-eyJabcde', '://a:', '://']) log.info(part.repeat(100_000));
    assert.ok(performance.now() - from < 60_000);
    const written = lines.join('');
    assert.doesNotMatch(written, /hunter2|plain words|plain%20words/);
    assert.match(written, /db:5432/);
    assert.match(written, /a=1&api_key=\*\*\*&b=2/);
    for (const line of lines) JSON.parse(line);
    log.info('short');
    assert.match(lines.at(-1)!, /short/);
  });

  it('tells an error with its cause', () => {
    const { log, lines } = logOf();
    log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    assert.match(lines[0]!, /outer.*inner/);
  });
});
