import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReeveError } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { hasCheckDigit } from './cards.ts';
import { allowedText, DEFAULT_RULES, findSecrets, memoryRules, withoutSecrets } from './sensitive.ts';

const chars = (pattern: RegExp) => fc.stringMatching(pattern);
const upper = chars(/^[A-Z0-9]{16}$/);
const mixed = chars(/^[A-Za-z0-9]{17,40}$/).map((text) => `${text}7`);

/** Secrets by rule: the text that holds one, and the part that must never be kept. */
const SECRETS: readonly (readonly [rule: string, secret: fc.Arbitrary<{ text: string; secret: string }>])[] = [
  [
    'private_key',
    chars(/^[A-Za-z0-9+/\n]{30,90}$/).map((secret) => ({
      text: `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----`,
      secret,
    })),
  ],
  ['api_key', upper.map((secret) => ({ text: `AKIA${secret}`, secret }))],
  [
    'api_key',
    fc.tuple(fc.constantFrom('sk-', 'sk-ant-', 'sk_live_', 'hf_', 'xai-'), mixed).map(([prefix, body]) => {
      const secret = body.padEnd(36, 'x9');
      return { text: `${prefix}${secret}`, secret };
    }),
  ],
  ['api_key', mixed.map((body) => ({ text: `ghp_${body.padEnd(36, 'a')}`, secret: body }))],
  ['bearer_token', mixed.map((secret) => ({ text: `Bearer ${secret}`, secret }))],
  ['bearer_token', mixed.map((secret) => ({ text: `Authorization: ${secret}`, secret }))],
  [
    'url_password',
    fc.tuple(chars(/^[a-z]{1,8}$/), chars(/^[a-zA-Z0-9!@:]{3,20}$/)).map(([user, secret]) => ({
      text: `postgres://${user}:${secret}@db.internal:5432/x`,
      secret: `:${secret}@`,
    })),
  ],
  [
    'password',
    fc
      .tuple(
        fc.constantFrom(
          'password',
          'Passwort',
          'API_KEY',
          'api key',
          'client_secret',
          'PWD',
          'access-token',
          'passphrase',
        ),
        fc.constantFrom(': ', '=', ' = ', ':'),
        chars(/^[A-Za-z0-9!#%&]{4,20}$/).filter((value) => !/^%[A-Z]/i.test(value)),
      )
      .map(([name, is, secret]) => ({ text: `${name}${is}${secret}`, secret: `${is}${secret}` })),
  ],
  [
    'password',
    chars(/^[a-z]{4,10}$/).map((word) => ({ text: `the password for the router is ${word}9!`, secret: `${word}9!` })),
  ],
];
const surrounding = chars(/^[a-z ,.\n]{0,60}$/);

describe('what is never remembered', () => {
  for (const [rule, secret] of SECRETS)
    it(`a secret of the rule ${rule} is refused without being told, and masked whole`, () => {
      fc.assert(
        fc.property(surrounding, secret, surrounding, (before, { text, secret: part }, after) => {
          const whole = `${before}\n${text} ${after}`;
          assert.throws(
            () => allowedText(whole, DEFAULT_RULES, 'text'),
            (error: ReeveError) => error.reason === 'content_refused' && !error.message.includes(part),
          );
          const masked = allowedText(whole, { ...DEFAULT_RULES, secrets: 'mask' }, 'text');
          assert.ok(!masked.includes(part), masked);
          assert.ok(masked.startsWith(before) && masked.includes('***'));
          assert.deepEqual(findSecrets(masked), [], masked);
        }),
        cases(60),
      );
    });

  it('numbers of payment cards are refused, and numbers whose check digit is wrong are not', () => {
    const number = fc
      .tuple(fc.constantFrom('4', '51', '55', '2221', '6011', '37'), chars(/^\d{15}$/))
      .map(([prefix, digits]) => {
        const length = prefix === '37' ? 15 : 16;
        const body = `${prefix}${digits}`.slice(0, length - 1);
        return '0123456789'.split('').map((digit) => body + digit);
      });
    const written = (digits: string, gap: string) =>
      digits.length === 16 ? (digits.match(/\d{4}/g) ?? []).join(gap) : digits;
    fc.assert(
      fc.property(number, fc.constantFrom('', ' ', '-'), (numbers, gap) => {
        const right = numbers.filter(hasCheckDigit);
        assert.equal(right.length, 1);
        for (const digits of numbers) {
          const found = findSecrets(`Pay with ${written(digits, gap)}, please`).map(({ rule }) => rule);
          assert.deepEqual(found, digits === right[0] ? ['payment_card'] : []);
        }
      }),
      cases(),
    );
  });

  it('what only looks a little like a secret is remembered', () => {
    for (const text of [
      'The password is stored in the vault of the team',
      'Passwords must be changed each year; ask Ada for the token of the day',
      'Ada prefers basic instructions and bearer bonds',
      'Set the variable API_KEY: ${API_KEY}, or password: <ask ops>',
      'The order 1234567890123456 was shipped on 2026-11-23T10:00:00.000Z',
      'Its id is 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11, its hash 9f86d081884c7d659a2feaa0c55ad015',
      'See https://example.com:8080/a@b and mailto:ada@example.com, ssh git@github.com:reeve/reeve.git',
      'The meeting is at 12:30, the token budget 4000 of 8000',
      'task-sk is a folder; risk-averse-people-like-it',
      'Call +49 171 1234567 or 0800 4111 1111',
    ])
      assert.equal(allowedText(text, DEFAULT_RULES, 'text'), text);
  });

  it('no text fails, or takes long', () => {
    const rules = memoryRules({
      extract: false,
      secrets: 'mask',
      refuse: ['(x+x+)+y'],
      mask: ['(a|b|ab)*c', 'x.*y|x'],
    });
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 500 }),
        (text) => withoutSecrets(text, rules).length <= text.length * 3,
      ),
      cases(),
    );
    const hostile = [
      'x',
      'a',
      '1',
      '4111 ',
      '://a:',
      'password is ',
      'eyJaaaaaaaa.',
      '-----BEGIN PRIVATE KEY-----',
      'bearer ',
      'sk-',
    ];
    for (const piece of hostile) {
      const text = piece.repeat(20_000).slice(0, 20_000);
      const startedAt = performance.now();
      withoutSecrets(text, rules);
      assert.ok(performance.now() - startedAt < 2_000, `${piece} took ${performance.now() - startedAt} ms`);
    }
  });

  it('what a tenant’s patterns are about is refused or masked, wherever it stands', () => {
    const rules = memoryRules({
      extract: false,
      secrets: 'refuse',
      refuse: ['(?i)project nightfall'],
      mask: ['EMP-\\d{4}', '4-\\d'],
    });
    assert.throws(() => allowedText('About PROJECT Nightfall', rules, 'tags.0'), {
      reason: 'content_refused',
      message: /^tags\.0 .*rule refuse\.0/,
    });
    assert.equal(allowedText('EMP-1234-5 and EMP-9999', rules, 'text'), '*** and ***');
    assert.equal(withoutSecrets('Project Nightfall by EMP-1234', rules), '*** by ***');
    assert.equal(allowedText('EMP-1234 '.repeat(300), rules, 'text'), '***');
  });
});
