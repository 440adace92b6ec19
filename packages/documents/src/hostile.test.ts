import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import { sleep } from '@reeve/kit';
import { plainText } from './document.ts';
import { openDocumentReader } from './reader.ts';
import { assembled, docxOf, paragraph, patient, zipOf } from '../test/files.ts';

const reader = openDocumentReader({
  timeoutMs: 4_000,
  maxCharacters: 2_000_000,
  maxBytes: 10 * 1_048_576,
  memoryMb: 500,
});
after(() => reader[Symbol.asyncDispose]());
const read = (name: string, content: string | Uint8Array) =>
  reader.read({ name, bytes: Buffer.from(content as string) }, patient);

const NESTED = 100_000;
const late = /it takes longer than 4 s to be read|it is nested too deeply|it takes too much memory/;
const ok = { name: 'ok.md', bytes: Buffer.from('# Still here') };

function pdfWith(content: Buffer): Buffer {
  const stream = `<< /Length ${content.length} /Filter /FlateDecode >>\nstream\n${content.toString('latin1')}\nendstream`;
  const page = '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 3 0 R >>';
  return assembled(
    ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [4 0 R] /Count 1 >>', stream, page],
    '/Root 1 0 R',
  );
}

describe('a hostile file ends with an error in its time, and the next is read', () => {
  const files: [what: string, name: string, make: () => string | Uint8Array | Promise<Uint8Array>, message: RegExp][] =
    [
      ['100,000 nested tags', 'a.html', () => `${'<div>'.repeat(NESTED)}x${'</div>'.repeat(NESTED)}`, late],
      ['tables in tables', 'a.html', () => '<table><tr><td>'.repeat(3_000), late],
      ['more bytes than are read', 'a.txt', () => 'a'.repeat(11 * 1_048_576), /it is larger than 10 MiB; split it/],
      [
        'a line longer than all text may be',
        'a.txt',
        () => 'a'.repeat(9_000_000),
        /more than 2,000,000 characters of text/,
      ],
      ['a million columns', 'a.csv', () => `${'a,'.repeat(400_000)}\n1`, /has 400001 columns; 1000 are the most/],
      [
        'a row without end',
        'a.csv',
        () => `a,b\n${'x'.repeat(1_500_000)},1\n`,
        /a row near line 2 is longer than 1,000,000/,
      ],
      ['deep JSON', 'a.json', () => '['.repeat(200_000) + ']'.repeat(200_000), /nested deeper than 200 levels/],
      [
        'JSON whose paths are far longer than it',
        'a.json',
        () => `{${JSON.stringify('k'.repeat(5_000))}:[${'1,'.repeat(9_000)}1]}`,
        /more than 2,000,000 characters/,
      ],
      [
        'a ZIP bomb',
        'a.docx',
        () => docxOf(paragraph('x'), { 'word/media/a.bin': Buffer.alloc(220_000_000) }),
        /more than 200 MiB when unpacked/,
      ],
      ['a ZIP bomb that lies about its size', 'a.docx', lyingZip, /its ZIP archive is broken: too many bytes/],
      ['100,000 nested paragraphs', 'a.docx', () => docxOf('<w:p>'.repeat(NESTED) + '</w:p>'.repeat(NESTED)), late],
      ['a ZIP archive of something else', 'a.docx', () => zipOf({ a: 'x' }), /it is no DOCX/],
      [
        'a tree of pages that contains itself',
        'a.pdf',
        () =>
          assembled(
            ['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 4 >>'],
            '/Root 1 0 R',
          ),
        /it is broken: Pages tree/,
      ],
    ];
  for (const [what, name, make, message] of files)
    it(what, async () => {
      await assert.rejects(read(name, await make()), { reason: 'invalid_request', message });
      assert.equal((await reader.read(ok, patient)).title, 'Still here');
    });

  it('a PDF that unpacks to a gigabyte', { skip: !existsSync('/proc/self/status') }, async () => {
    const bomb = pdfWith(deflateSync(Buffer.alloc(1_000_000_000, ' ')));
    await using patientReader = openDocumentReader({ memoryMb: 500 });
    await assert.rejects(patientReader.read({ name: 'a.pdf', bytes: bomb }, patient), {
      message: /takes too much memory|takes longer/,
    });
    assert.equal((await patientReader.read(ok, patient)).title, 'Still here');
  });
});

/** An archive whose directory says that a file of 40 MB has ten bytes. */
async function lyingZip(): Promise<Buffer> {
  const bytes = await docxOf(paragraph('x'), { 'word/notes.xml': Buffer.alloc(40_000_000, 'a') });
  const name = bytes.lastIndexOf('word/notes.xml');
  const entry = name - 46;
  assert.equal(bytes.readUInt32LE(entry), 0x02014b50);
  bytes.writeUInt32LE(10, entry + 24);
  return bytes;
}

describe('odd files', () => {
  it('are read where they can be: wrong UTF-8, NUL in text, halves of characters', async () => {
    const text = 'Some text that goes on and on, so that it is plainly a text. '.repeat(3);
    assert.match(plainText(await read('a.md', Buffer.concat([Buffer.from(text), Buffer.from([0xc3, 0x28])]))), /Ã\($/);
    assert.match(plainText(await read('a.md', `${text}a\0b`)), /a\uFFFDb$/);
    assert.ok(plainText(await read('a.json', '{"a":"\\ud800","b\\u0000":"\\u0000"}')).isWellFormed());
    assert.doesNotMatch(plainText(await read('a.json', '{"a":"\\ud800","b\\u0000":"\\u0000"}')), /\0/);
  });
});

describe('a reader', () => {
  it('has one process for all files, in the order in which they were asked for', async () => {
    await using one = openDocumentReader({ maxWaiting: 500 });
    await one.read(ok, patient);
    const before = performance.now();
    const titles = await Promise.all(
      Array.from({ length: 500 }, (_, index) => one.read({ name: 'a.md', bytes: Buffer.from(`# ${index}`) }, patient)),
    );
    assert.deepEqual(
      titles.map(({ title }) => title),
      titles.map((_, index) => String(index)),
    );
    // Starting a process for each would take minutes.
    assert.ok(performance.now() - before < 30_000);
  });

  it('lets only so many files, and bytes of them, wait', async () => {
    await using one = openDocumentReader({ maxWaiting: 3, maxWaitingBytes: 100 });
    const text = (length: number) => ({ name: 'a.txt', bytes: Buffer.alloc(length, 'a') });
    const reading = [one.read(text(10), patient), one.read(text(10), patient)];
    const full = (error: { reason: string; retryAfterMs: number }) =>
      error.reason === 'rate_limited' && error.retryAfterMs > 0;
    await assert.rejects(one.read(text(90), patient), full);
    reading.push(one.read(text(10), patient));
    await assert.rejects(one.read(text(1), patient), full);
    await Promise.all(reading);
    assert.equal((await one.read(text(500), patient)).blocks.length, 1);
  });

  it('gives up a file when its signal aborts, waiting or being read, and reads the next', async () => {
    const slow = { name: 'a.html', bytes: Buffer.from('<div>'.repeat(NESTED)) };
    const first = reader.read(slow, AbortSignal.timeout(300));
    const second = reader.read(ok, AbortSignal.timeout(50));
    const third = reader.read(ok, patient);
    await assert.rejects(second, { reason: 'cancelled' });
    await assert.rejects(first, { reason: 'cancelled' });
    assert.equal((await third).title, 'Still here');
  });

  it('ends its process when nobody asks for a while, and starts another for the next file', async () => {
    await using one = openDocumentReader({ idleMs: 200 });
    const processes = () => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length;
    const others = processes();
    await one.read(ok, patient);
    assert.equal(processes(), others + 1);
    for (const until = Date.now() + 10_000; processes() > others && Date.now() < until;) await sleep(50);
    assert.equal(processes(), others);
    assert.equal((await one.read(ok, patient)).title, 'Still here');
  });

  it('says that it is closing when it is disposed in the middle of a file', async () => {
    const closing = openDocumentReader();
    await closing.read(ok, patient);
    const reading = closing.read({ name: 'a.html', bytes: Buffer.from('<div>'.repeat(NESTED)) }, patient);
    const refused = assert.rejects(reading, { reason: 'shutting_down' });
    await closing[Symbol.asyncDispose]();
    await refused;
    await assert.rejects(closing.read(ok, patient), { reason: 'shutting_down' });
  });
});
