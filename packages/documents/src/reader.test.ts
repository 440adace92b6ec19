import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { chunkDocument } from './chunk.ts';
import { plainText, type Block } from './document.ts';
import { openDocumentReader } from './reader.ts';
import { docxOf, paragraph, patient, pdfOf } from '../test/files.ts';

const reader = openDocumentReader();
after(() => reader[Symbol.asyncDispose]());

const read = (name: string, content: string | Uint8Array, mediaType?: string) =>
  reader.read({ name, bytes: Buffer.from(content as string), ...(mediaType !== undefined && { mediaType }) }, patient);
/** What is told of blocks, without their places. */
const told = (blocks: readonly Block[]) =>
  blocks.map((block) => [block.kind === 'heading' ? `heading ${block.level}` : block.kind, block.text]);

describe('a file is read', () => {
  it('of Markdown: front matter, headings, lists, tables, code with its language, and the lines', async () => {
    const source =
      '---\ntitle: "Guide: all"\ntags: [a]\n---\n# Head `x` *y*\n\nText [a](b)\nmore\n\n- one\n  ```\n  # no\n  ```\n\n' +
      '| a | b |\n|---|---|\n| 1 | 2 |\n\n```ts\nlet x = 1;\n```\n\nSub\n---\n\n<!-- hidden -->\n\n> quote\n\n[ref]: http://x\n';
    const { title, mediaType, blocks } = await read('guide.md', source);
    assert.deepEqual([title, mediaType], ['Guide: all', 'text/markdown']);
    assert.deepEqual(told(blocks), [
      ['rows', 'title: "Guide: all"\ntags: [a]'],
      ['heading 1', 'Head x y'],
      ['paragraph', 'Text [a](b)\nmore'],
      ['list', '- one\n  ```\n  # no\n  ```'],
      ['table', '| a | b |\n|---|---|\n| 1 | 2 |'],
      ['code', 'let x = 1;'],
      ['heading 2', 'Sub'],
      ['paragraph', '> quote'],
      ['paragraph', '[ref]: http://x'],
    ]);
    const lines = source.split('\n');
    for (const { line, text, kind } of blocks)
      if (kind === 'paragraph') assert.equal(lines[line! - 1], text.split('\n')[0]);
    const code = blocks[5]!;
    assert.equal(code.kind === 'code' && code.language, 'ts');
  });

  it('of Markdown with a table too long for a chunk: each row has the names of its columns', async () => {
    const rows = Array.from({ length: 200 }, (_, index) => `| item ${index} | ${index * 3} |`).join('\n');
    const document = await read('table.md', `| Name | Price |\n|---|---|\n${rows}\n`);
    const chunks = chunkDocument(document);
    assert.ok(chunks.length > 2);
    for (const { text } of chunks) assert.match(text, /^Name: item \d+\nPrice: \d+\n/);
    assert.match(plainText(document), /Name: item 199\nPrice: 597$/);
    assert.equal(document.blocks[0]!.line, 3);
  });

  it('of text, in the encodings that there are', async () => {
    const encodings: [string, Uint8Array][] = [
      ['UTF-8', Buffer.from('naïve café\r\n\r\n次')],
      ['UTF-8 with a mark', Buffer.from('\uFEFFnaïve café\n\n次')],
      ['UTF-16LE', Buffer.from('\uFEFFnaïve café\n\n次', 'utf16le')],
      ['UTF-16BE', Buffer.from('\uFEFFnaïve café\n\n次', 'utf16le').swap16()],
    ];
    for (const [name, bytes] of encodings)
      assert.deepEqual(
        told((await read('a.txt', bytes)).blocks),
        [
          ['paragraph', 'naïve café'],
          ['paragraph', '次'],
        ],
        name,
      );
    const latin = await read('a.txt', Buffer.from('na\xefve caf\xe9 \x80 5', 'latin1'));
    assert.equal(plainText(latin), 'naïve café € 5');
  });

  it('of HTML: its structure, without scripts and navigation, and text as it was', async () => {
    const { title, blocks } = await read(
      'page.html',
      Buffer.from(
        '<html><head><title>The &amp; Title</title><meta charset="iso-8859-1"></head><body><nav>no</nav><script>no()</script>' +
          '<h1>Top snake_case</h1><p>Caf\xe9 a_b <code>x\\_y</code> <a href="https://e.org/x">l</a></p>' +
          '<pre><code class="language-py">def f():\n  pass</code></pre><ul><li>one</li></ul>' +
          '<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>',
        'latin1',
      ),
    );
    assert.equal(title, 'The & Title');
    assert.deepEqual(told(blocks), [
      ['heading 1', 'Top snake_case'],
      ['paragraph', 'Café a_b `x\\_y` [l](https://e.org/x)'],
      ['code', 'def f():\n  pass'],
      ['list', '-   one'],
      ['table', '| A | B |\n| --- | --- |\n| 1 | 2 |'],
    ]);
  });

  it('of HTML with very many paragraphs: all of them, in order', async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `Paragraph number ${index}.`);
    const { blocks } = await read(
      'long.html',
      `<div><main>${names.map((name) => `<p>${name}</p>`).join('\n')}</main></div>`,
    );
    assert.deepEqual(
      blocks.map(({ text }) => text),
      names,
    );
  });

  it('of PDF: pages, paragraphs put together, headings by their print', async () => {
    const { title, blocks } = await read(
      'paper.pdf',
      pdfOf(
        [
          [
            { text: 'Big Title', size: 24, y: 720 },
            { text: 'First line of a para-', size: 12, y: 690 },
            { text: 'graph goes on (here).', size: 12, y: 676 },
            { text: 'Second paragraph.', size: 12, y: 640 },
            { text: 'Part', size: 16, y: 600 },
          ],
          [{ text: 'On page two.', size: 12, y: 700 }],
        ],
        { title: 'Named' },
      ),
    );
    assert.equal(title, 'Named');
    assert.deepEqual(told(blocks), [
      ['heading 1', 'Big Title'],
      ['paragraph', 'First line of a paragraph goes on (here).'],
      ['paragraph', 'Second paragraph.'],
      ['heading 2', 'Part'],
      ['paragraph', 'On page two.'],
    ]);
    assert.deepEqual(
      blocks.map(({ page }) => page),
      [1, 1, 1, 1, 2],
    );
  });

  it('of DOCX: headings, text as it was, tables', async () => {
    const cell = (text: string) => `<w:tc>${paragraph(text)}</w:tc>`;
    const table = `<w:tbl><w:tr>${cell('A')}${cell('B')}</w:tr><w:tr>${cell('1')}${cell('2')}</w:tr></w:tbl>`;
    const body = `${paragraph('The Title', 'Title')}${paragraph('Intro snake_case *1*')}${paragraph('Part', 'Heading2')}${table}`;
    const { title, blocks } = await read('letter.docx', await docxOf(body));
    assert.equal(title, 'The Title');
    assert.deepEqual(told(blocks), [
      ['heading 1', 'The Title'],
      ['paragraph', 'Intro snake_case *1*'],
      ['heading 2', 'Part'],
      ['table', '| A | B |\n| --- | --- |\n| 1 | 2 |'],
    ]);
  });

  it('of CSV, whatever parts its columns: rows with their names, and where they begin', async () => {
    const { blocks } = await read('people.csv', 'name;note\n"Ann ""A""";1,5\n\n"Bob\nB";\n');
    assert.deepEqual(told(blocks), [['rows', 'name: Ann "A"\nnote: 1,5\n\nname: Bob\nB']]);
    assert.deepEqual(told((await read('people.tsv', 'a\tb\n1\t2\n')).blocks), [['rows', 'a: 1\nb: 2']]);
    assert.equal(blocks[0]!.line, 2);
  });

  it('of JSON and JSON Lines: paths and values, long numbers as they are', async () => {
    const { blocks } = await read('a.json', '{"a":{"b":[1,{"x y":true}]},"n":null,"id":12345678901234567890,"e":[]}');
    assert.equal(blocks[0]!.text, 'a.b[0]: 1\na.b[1]["x y"]: true\nn: null\nid: 12345678901234567890\ne: []');
    const lines = await read('a.jsonl', '{"a":1}\n\n{"a":2,"b":"x"}\n');
    assert.equal(plainText(lines), 'a: 1\n\na: 2\nb: x');
  });

  it('of code: by its outermost parts, with its language', async () => {
    const { blocks } = await read('src/main.py', 'import x\n\n\ndef f():\n  a\n\n  b\n\ndef g():\n  pass\n');
    assert.deepEqual(
      blocks.map((block) => [block.kind === 'code' && block.language, block.line, block.text]),
      [
        ['python', 1, 'import x'],
        ['python', 4, 'def f():\n  a\n\n  b'],
        ['python', 9, 'def g():\n  pass'],
      ],
    );
  });

  it('into the chunks that chunkDocument makes of it', async () => {
    const file = { name: 'a.md', bytes: Buffer.from(`# One\n\n${'Some words. '.repeat(500)}\n\n## Two\n\nEnd.`) };
    const document = await reader.read(file, patient);
    assert.deepEqual(await reader.readChunks(file, patient), {
      title: 'One',
      mediaType: 'text/markdown',
      characters: plainText(document).length,
      chunks: chunkDocument(document),
    });
  });
});

describe('a file that cannot be read', () => {
  const refused: [name: string, content: string | Uint8Array, message: RegExp][] = [
    ['a.png', 'x', /files ending in \.png are not among those that can be read: Markdown/],
    ['a.doc', 'x', /save it as \.docx/],
    ['a.md', '', /it is empty/],
    ['a.md', ' \n<!-- only this -->\n', /it holds no text/],
    ['locked.pdf', pdfOf([[]], { isEncrypted: true }), /it is encrypted; save it without a password/],
    ['scan.pdf', pdfOf([[], []]), /it holds no text: its pages are pictures/],
    ['broken.pdf', '%PDF-1.7\nnothing', /the PDF is broken/],
    ['broken.docx', 'nothing', /its ZIP archive is broken/],
    ['old.docx', Buffer.from('d0cf11e0a1b11ae1', 'hex'), /encrypted or in the old format/],
    ['broken.csv', 'a,b\n"x,1\n2,3\n', /a quote near line 3 is never closed/],
    ['broken.json', '{"a":', /it is not JSON/],
    ['broken.jsonl', '{"a":1}\n{"a":\n', /line 2: it is not JSON/],
    ['binary.txt', Buffer.alloc(100_000), /it is not text/],
  ];
  for (const [name, content, message] of refused)
    it(`is named with what is wrong: ${name}, ${message.source}`, async () => {
      await assert.rejects(read(name, content), { reason: 'invalid_request', message });
      await assert.rejects(read(name, content), { message: new RegExp(`^${JSON.stringify(name)} cannot be read: `) });
    });

  it('of a type that is none is named by its type', async () => {
    await assert.rejects(read('photo', 'x', 'image/png'), { message: /files of the type image\/png/ });
    assert.equal((await read('notes', 'x')).mediaType, 'text/plain');
    assert.equal((await read('notes.md', '# x', 'text/plain; charset=utf-8')).mediaType, 'text/markdown');
    assert.equal((await read('notes', '# x', 'Text/Markdown')).mediaType, 'text/markdown');
  });
});
