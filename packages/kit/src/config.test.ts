import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { z } from 'zod';
import { flag, loadConfig, secret, setting } from './config.ts';
import type { ReeveError } from './error.ts';

const whole = 'it must be a whole number';
const settings = {
  port: setting('REEVE_PORT', z.coerce.number(whole).int(whole).default(8080).describe('Port.')),
  trust: setting('REEVE_TRUST', flag.default(false)),
  upstream: setting('LLM_BASE_URL', z.string().optional()),
  peers: setting(
    'REEVE_PEERS',
    z
      .string()
      .transform((text) => text.split(','))
      .optional(),
  ),
  refresh: setting('REEVE_REFRESH_S', z.coerce.number(whole).default(30), { formerly: 'OLD_REFRESH_S' }),
  key: secret('REEVE_API_KEY', z.string().min(8, 'it must have 8 characters').optional()),
};
const load = (environment: Record<string, string | undefined>, yaml = '') => loadConfig(settings, environment, yaml);
const shownOf = (name: string, environment: Record<string, string>) =>
  load(environment).values.find(({ variable }) => variable === name)?.shown;

function problemsOf(environment: Record<string, string>, yaml = ''): ReeveError {
  try {
    load(environment, yaml);
  } catch (error) {
    return error as ReeveError;
  }
  throw new assert.AssertionError({ message: 'nothing was wrong' });
}

describe('the configuration', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-config-'));
  after(() => rmSync(directory, { recursive: true }));

  it('takes the environment before a file, a file before reeve.yaml, and that before the default', () => {
    const path = join(directory, 'port');
    writeFileSync(path, '9003\n');
    const yaml = 'port: 9002';
    const of = (environment: Record<string, string>, text: string) => {
      const { config, values } = load(environment, text);
      return [config.port, values[0]?.origin];
    };
    assert.deepEqual(of({ REEVE_PORT: '9001', REEVE_PORT_FILE: path }, yaml), [9001, 'environment']);
    assert.deepEqual(of({ REEVE_PORT_FILE: path }, yaml), [9003, 'file']);
    assert.deepEqual(of({}, yaml), [9002, 'reeve.yaml']);
    assert.deepEqual(of({}, ''), [8080, 'default']);
  });

  it('takes an earlier name of a variable, unless the current one is given', () => {
    const path = join(directory, 'refresh');
    writeFileSync(path, '7');
    const of = (environment: Record<string, string>, yaml = '') => load(environment, yaml).config.refresh;
    assert.equal(of({ OLD_REFRESH_S: '5' }), 5);
    assert.equal(of({ OLD_REFRESH_S: '5', REEVE_REFRESH_S: '6' }), 6);
    assert.equal(of({ OLD_REFRESH_S: '5', REEVE_REFRESH_S: ' ' }), 5);
    assert.equal(of({ OLD_REFRESH_S_FILE: path }), 7);
    assert.equal(of({}, 'old_refresh_s: 8'), 8);
    assert.equal(of({ OLD_REFRESH_S: '5' }, 'refresh_s: 9'), 5);
    assert.equal(of({}), 30);
    assert.equal(shownOf('REEVE_REFRESH_S', { OLD_REFRESH_S: '5' }), '5');
  });

  it('tells of every wrong value at once: the variable, the value, what is allowed', () => {
    const error = problemsOf(
      { REEVE_PORT: 'eighty', REEVE_TRUST: 'perhaps', REEVE_API_KEY_FILE: '/nowhere/key' },
      'colour: red',
    );
    assert.deepEqual(
      error.details.map(({ path }) => path),
      ['REEVE_PORT', 'REEVE_TRUST', 'REEVE_API_KEY', 'colour'],
    );
    assert.match(error.message, /REEVE_PORT is "eighty", but it must be a whole number/);
    assert.match(error.message, /REEVE_API_KEY_FILE is "\/nowhere\/key", but that file cannot be read/);
    assert.match(error.message, /reeve\.yaml: unknown key colour/);
  });

  it('counts what is blank or null as not given, not as zero', () => {
    for (const yaml of ['port:', 'port: null', "port: ' '", '']) assert.equal(load({}, yaml).config.port, 8080, yaml);
    assert.equal(load({ REEVE_PORT: ' ' }, 'port: 81').config.port, 81);
  });

  it('refuses a reeve.yaml that is no mapping or no YAML, without quoting it', () => {
    assert.match(problemsOf({}, '- one').message, /must be a mapping/);
    const error = problemsOf({}, 'api_key: [rv_topsecret\nport: 1');
    assert.match(error.message, /^reeve\.yaml, line 2: not valid YAML: /);
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /topsecret/);
  });

  it('never shows a secret, neither right nor wrong', () => {
    assert.equal(shownOf('REEVE_API_KEY', { REEVE_API_KEY: 'rv_12345678' }), '***');
    assert.equal(shownOf('REEVE_API_KEY', {}), '');
    assert.equal(problemsOf({ REEVE_API_KEY: 'short' }).message, 'REEVE_API_KEY is ***, but it must have 8 characters');
  });

  it('masks the password of a URL, whatever characters it has', () => {
    for (const [url, shown] of [
      ['https://ada:pw@host:1/v1', 'https://ada:***@host:1/v1'],
      ['redis://:pw@host', 'redis://:***@host'],
      ['https://ada:p@w@host', 'https://ada:***@host'],
      ['https://ada:p/w:x@host', 'https://ada:***@host'],
      ['https://host:8080/v1', 'https://host:8080/v1'],
    ] as const)
      assert.equal(shownOf('LLM_BASE_URL', { LLM_BASE_URL: url }), shown);
    assert.doesNotMatch(shownOf('REEVE_PEERS', { REEVE_PEERS: 'http://a:secret1@h,http://b:secret2@i' })!, /secret/);
    assert.doesNotMatch(problemsOf({ REEVE_PORT: 'http://ada:secret@host' }).message, /secret/);
  });
});
