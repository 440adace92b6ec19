import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { AnswerOf, ApiKeyWithSecret, routes } from '@reeve/contract';
import { startServer, type ServerProcess } from '@reeve/testing';
import { createPlace, withoutTerminal, type Place } from './cli-process.ts';

const ADMIN = 'rv_admin_of_the_tests';

suite('keys', () => {
  let place: Place;
  let server: ServerProcess;
  const as = (key: string) => ({ environment: { REEVE_API_KEY: key } });
  const json = async <T>(args: readonly string[], key = ADMIN) => {
    const { code, stdout, stderr } = await place.cli(['keys', ...args], as(key));
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };
  const works = async (secret: string) =>
    (await fetch(`${server.url}/version`, { headers: { authorization: `Bearer ${secret}` } })).status;

  before(async () => {
    place = await createPlace();
    server = await startServer({ dataDirectory: place.directory, url: undefined, ...as(ADMIN) });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  test('are created, listed without their secret, rotated with a grace, and revoked', async () => {
    const made = await json<ApiKeyWithSecret>(['create', 'ci', '--role', 'admin', '--expires', '90d']);
    const first = made.secret ?? '';
    assert.equal(await works(first), 200);
    assert.ok(Date.parse(made.expires_at ?? '') > Date.now() + 89 * 86_400_000);
    const rotated = await json<ApiKeyWithSecret>(['rotate', made.id, '--grace', '15m']);
    const second = rotated.secret ?? '';
    assert.deepEqual([await works(first), await works(second)], [200, 200]);
    const { keys } = await json<AnswerOf<typeof routes.listKeys>>(['list', '--status', 'active'], second);
    assert.deepEqual(
      keys.map(({ id, name, role }) => [id, name, role]),
      [[made.id, 'ci', 'admin']],
    );
    assert.ok(!JSON.stringify(keys).includes(second.slice(16)));
    const revoked = await place.cli(['keys', 'revoke', made.id], as(ADMIN));
    assert.deepEqual([revoked.code, revoked.stdout], [0, '']);
    assert.deepEqual([await works(first), await works(second)], [401, 401]);
  });

  test('print their secret alone for a script', async () => {
    const { stdout, stderr } = await place.cli(['keys', 'create', 'x', '--role', 'viewer', '--secret-only'], as(ADMIN));
    assert.match(stdout, /^rv_\w{62}\n$/);
    assert.match(stderr, /it is not shown again/);
    assert.equal(await works(stdout.trim()), 200);
  });

  test('show a table at a terminal', { skip: withoutTerminal }, async () => {
    const made = await place.cli(['keys', 'create', 'y', '--role', 'viewer'], { ...as(ADMIN), terminal: true });
    assert.match(made.stdout, /^rv_\w{62}\r?$/m);
    const { stdout } = await place.cli(['keys', 'list'], { ...as(ADMIN), terminal: true });
    assert.match(stdout, /ID +NAME +ROLE +SECRET +STATUS/);
    assert.match(stdout, /y +viewer +rv_\w{12}…\w{4} +active/);
  });

  test('wrong usage is 2, what is not there 1, and a caller who may not 5', async () => {
    const { secret } = await json<ApiKeyWithSecret>(['create', 'reader', '--role', 'viewer']);
    const missing = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';
    const cases: [string[], number, RegExp, string?][] = [
      [['create', 'x'], 2, /--role/],
      [['create', 'x', '--role', 'root'], 2, /viewer, member, operator, admin/],
      [['create', 'x', '--role', 'viewer', '--expires', 'soon'], 2, /must be a moment/],
      [['create', 'x', '--role', 'viewer', '--expires', '2020-01-01'], 2, /must be in the future/],
      [['create', 'x', '--role', 'viewer', '--json', '--secret-only'], 2, /cannot be used with/],
      [['rotate', missing, '--grace', '31d'], 2, /at most 30d/],
      [['rotate', missing], 1, /there is no key/],
      [['revoke', 'x'], 2, /must be a UUID/],
      [['list'], 5, /requires the role admin/, secret ?? ''],
      [['list'], 5, /is not a key of this server|not a key as/, 'rv_unknown_key'],
    ];
    await Promise.all(
      cases.map(async ([args, expected, message, key = ADMIN]) => {
        const { code, stderr } = await place.cli(['keys', ...args], as(key));
        assert.deepEqual([code, message.test(stderr)], [expected, true], `${args.join(' ')}: ${stderr}`);
      }),
    );
  });
});
