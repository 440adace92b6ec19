import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { defineRoute } from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import { createApp } from './app.ts';

const MAX_BYTES = 50_000;
const route = defineRoute({
  method: 'POST',
  path: '/things',
  tag: 'Test',
  access: 'member',
  summary: 'Takes a text or a file',
  body: z.strictObject({ title: z.string().optional(), tags: z.union([z.string(), z.array(z.string())]).optional() }),
  takesFile: { maxBytes: MAX_BYTES },
  responses: { 201: z.unknown() },
});

describe('a form with a file', () => {
  const app = createApp({
    service: 'test',
    authenticate: async () => ({ tenantId: 'default', userId: 'ada', role: 'admin', via: 'header' }),
    db: undefined as never,
    log: silentLog,
    stopping: new AbortController().signal,
  });
  app.mount(route, async ({ body, file }) => ({
    body,
    file: file && { ...file, bytes: Buffer.from(file.bytes).toString('latin1') },
  }));
  const send = async (body: RequestInit['body'], headers: Record<string, string> = {}) => {
    const request = new Request('http://x/things', { method: 'POST', headers, ...(body != null && { body }) });
    const response = await app.fetch(request);
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  };
  const formOf = (...fields: [string, string | Blob, string?][]) => {
    const form = new FormData();
    for (const [name, value, fileName] of fields)
      if (typeof value === 'string') form.append(name, value);
      else form.append(name, value, fileName);
    return form;
  };
  const PDF = new Blob(['%PDF\u0000\r\n--x'], { type: 'application/pdf' });

  it('is the body with the file beside it, byte for byte', async () => {
    const { status, body } = await send(
      formOf(['title', 'Grüße'], ['tags', 'a'], ['tags', 'b'], ['file', PDF, '../a b.pdf']),
    );
    assert.equal(status, 201);
    assert.deepEqual(body, {
      body: { title: 'Grüße', tags: ['a', 'b'] },
      file: {
        name: '../a b.pdf',
        mediaType: 'application/pdf',
        bytes: '%PDF\u0000\r\n--x',
        sha256: '4ff4fd2adb5dee571458fef1ff8a2be3e5ca9a2e192987e93d9c5253fb371348',
      },
    });
  });

  it('may be JSON instead, without one', async () => {
    const { status, body } = await send('{"title":"a"}', { 'content-type': 'application/json' });
    assert.deepEqual([status, body], [201, { body: { title: 'a' } }]);
  });

  it('is checked like any body, and says what is wrong with it', async () => {
    const file: [string, Blob, string] = ['file', PDF, 'a.pdf'];
    for (const [form, message] of [
      [formOf(['title', 'a']), /^file must be given$/],
      [formOf(file, ['colour', 'red']), /colour is not a known field/],
      [formOf(file, file), /^file must be one file, named file$/],
      [formOf(['other', PDF, 'a.pdf']), /^other must be one file, named file$/],
      [formOf(['file', new Blob([]), 'a.pdf']), /^file must not be empty$/],
      [formOf(file, ['__proto__', 'x']), /is not a name that a field can have/],
    ] as const) {
      const { status, body } = await send(form);
      assert.equal(status, 400);
      assert.match(body['error']!, message);
    }
    const large = await send(formOf(['file', new Blob(['x'.repeat(MAX_BYTES + 1)]), 'a.txt']));
    assert.equal(large.status, 413);
    assert.equal((await send(formOf(['file', new Blob(['x'.repeat(MAX_BYTES)]), 'a.txt']))).status, 201);
  });

  it('may not have parts without end', async () => {
    const { status, body } = await send('--x\r\n'.repeat(1_002), { 'content-type': 'multipart/form-data; boundary=x' });
    assert.deepEqual([status, body['error']], [400, 'the form has more than 1000 parts']);
  });

  it('have a border that everybody reads alike', async () => {
    const part = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n';
    for (const [border, answered] of [
      ['boundary=a', 201],
      ['boundary="a"', 201],
      ['boundary=a ', 201],
      ['boundary=a ; x=y', 400],
      ['x="; boundary=zzz"; boundary=a', 400],
      ['boundary=', 400],
      ['boundary=zzz; boundary=a', 400],
    ] as const) {
      const headers = { 'content-type': `multipart/form-data; ${border}` };
      assert.equal((await send(`--a\r\n${part}--a--\r\n`, headers)).status, answered, border);
    }
  });

  it('that is none is refused', async () => {
    for (const body of [
      '',
      '--x',
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
      '\u0000',
    ]) {
      const { status, body: answer } = await send(body, { 'content-type': 'multipart/form-data; boundary=x' });
      assert.deepEqual([status, answer['error']], [400, 'the body is not a valid form']);
    }
    assert.equal((await send('x', { 'content-type': 'multipart/form-data' })).status, 415);
  });
});
