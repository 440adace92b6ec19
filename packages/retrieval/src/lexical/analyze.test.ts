import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { analyze } from './analyze.ts';

/** Whether every term of the query is one of the text's. */
function finds(query: string, text: string): boolean {
  const terms = new Set(analyze(text).terms);
  const wanted = analyze(query).terms;
  return wanted.length > 0 && wanted.every((term) => terms.has(term));
}

describe('the analyzer', () => {
  it('finds names whole and by their parts', () => {
    for (const [text, ...queries] of [
      ['see memory_service.ts for it', 'memory_service.ts', 'service', 'memory', 'MEMORY_SERVICE.TS'],
      ['It is in /etc/reeve/config.yaml.', '/etc/reeve/config.yaml', 'config', 'reeve', 'yaml'],
      ['getUserById(7)', 'getUserById', 'user', 'getuserbyid'],
      ['parseHTTPServer', 'http', 'server', 'parse'],
      ['a kebab-case-name here', 'kebab-case-name', 'kebab', 'name'],
      ['http://example.com/a?b=c', 'http://example.com/a?b=c', 'example', 'com'],
      ['std::vector and a__b_c', 'std::vector', 'vector', 'a__b_c'],
      ['released v1.2.3 on 2026-11-23', 'v1.2.3', '2026-11-23', '2026'],
    ] as const)
      for (const query of queries) assert.ok(finds(query, text), `${query} in ${text}`);
    assert.ok(!finds('userbyid', 'getUserById') && !finds('serv', 'memory_service.ts'));
  });

  it('gives words of any form the same term, and none to words that say nothing', () => {
    assert.ok(finds('connections', 'they were connecting it') && finds('running foxes', 'a fox runs'));
    assert.deepEqual(analyze("it is what it is, isn't it?").terms, ['isn']);
    assert.ok(finds('ﬁle ＡＢＣ', 'file abc') && finds("Ada's", 'ada') && finds('o’Neill', "O'NEILL"));
  });

  it('knows languages beside English', () => {
    for (const [text, ...queries] of [
      ['Über die Brücke in der Straße', 'brücke', 'BRÜCKE', 'Brucke', 'u\u0308ber', 'strasse'],
      ['Smørrebrød, naïve café, Łódź', 'smorrebrod', 'cafe', 'lodz'],
      ['Я читаю важную книгу о ёлке', 'книга', 'важные книги', 'елка'],
      ['我们在北京大学学习机器学习', '北京', '北京大学', '机器学习'],
      ['東京都に住んでいる人が図書館で本を読む', '東京', '図書館', '東京都', '読む'],
      ['학교에서 공부했다', '학교', '공부'],
      ['สวัสดีชาวโลก', 'โลก'],
      ['مرحبا بالعالم', 'مرحبا'],
      ['नमस्ते दुनिया', 'दुनिया'],
    ] as const)
      for (const query of queries) assert.ok(finds(query, text), `${query} in ${text}`);
    assert.ok(!finds('京大', '東京と大阪') && !finds('дом', 'книга'));
  });

  it('counts a whole beside its parts as no further word', () => {
    assert.equal(analyze('boundary layer').length, 2);
    assert.equal(analyze('boundary-layer').length, 2);
    assert.equal(analyze('').length, 0);
  });

  it('takes any text, and answers terms that are bounded and can be stored', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.string({ unit: 'grapheme', maxLength: 400 }),
      fc
        .array(fc.constantFrom('\ud800', '\udc00', '\0', 'a', 'Ü', '漢', 'ก', '_', '/', '학', '\u0301'), {
          maxLength: 400,
        })
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (value) => {
        const { terms, length } = analyze(value);
        for (const term of terms)
          assert.ok(
            term !== '' && term.length <= 200 && term.isWellFormed() && !term.includes('\0'),
            JSON.stringify(term),
          );
        assert.ok(length <= terms.length && (length > 0 || terms.length === 0));
        assert.deepEqual(analyze(value), { terms, length });
      }),
      cases(500),
    );
  });

  it('takes time in proportion to a text’s length, whatever is in it', () => {
    for (const unit of [
      'a',
      'a_',
      'aB',
      '_',
      'a-',
      '漢',
      'ア',
      'ก',
      '학',
      '\u0301',
      '\ufdfa',
      'a__',
      'a::',
      ' a',
      'é',
      '<a ',
    ]) {
      const long = unit.repeat(200_000 / unit.length);
      const startedAt = performance.now();
      analyze(long);
      assert.ok(performance.now() - startedAt < 3_000, `${JSON.stringify(unit)}: ${performance.now() - startedAt} ms`);
    }
  });
});
