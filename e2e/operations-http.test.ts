import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '@reeve/contract';
import { openHttpPlace, refused, type HttpPlace } from '@reeve/testing/http-place';

describe('the routes of operations', { timeout: 120_000 }, () => {
  let place: HttpPlace;
  before(async () => {
    place = await openHttpPlace();
  });
  after(() => place[Symbol.asyncDispose]());
  const named = async (name: string, who = place.admin) =>
    (await who.call(routes.getSettings)).settings.find((setting) => setting.name === name);

  it('echo says what it was sent, with the id of the request or the one given', async () => {
    const { admin, member } = place;
    const pinged = { ping: { any: ['thing', 1, null] }, request_id: 'mine:7' };
    assert.deepEqual(await member.call(routes.echo, { body: pinged }), {
      service: 'reeve',
      received: pinged.ping,
      request_id: 'mine:7',
    });
    const response = await admin.fetch('/api/v1/echo', {
      method: 'POST',
      body: '{"ping":null}',
      headers: { 'content-type': 'application/json', 'x-request-id': 'order-9' },
    });
    assert.deepEqual(await response.json(), { service: 'reeve', received: null, request_id: 'order-9' });
    await refused(admin.call(routes.echo, { body: {} as never }), 400, 'invalid_request', 'ping');
    await refused(
      admin.call(routes.echo, { body: { ping: 1, request_id: 'a b' } }),
      400,
      'invalid_request',
      'request_id',
    );
  });

  it('the dashboard counts what the tenant has, and nothing of another one', async () => {
    const { admin, stranger } = place;
    await admin.give();
    await admin.give();
    await place.work();
    await admin.give();
    await admin.call(routes.remember, { body: { text: 'the sky is blue' } });
    const { status, service, data } = await admin.call(routes.getDashboardData);
    assert.deepEqual([service, status], ['reeve', 'ok']);
    assert.deepEqual(data.tasks, { status: 'ok', by_status: { completed: 2, pending: 1 } });
    assert.deepEqual(data.agent, { status: 'ok', agents: 2, runs_last_day: { completed: 2 } });
    assert.deepEqual(data.memory, { status: 'ok', memories: 1, sessions: 2 });
    assert.ok(data.models.status === 'ok' && data.models.provider === 'mock' && data.models.health === 'ok');
    assert.ok(data.sandbox.status === 'ok');
    assert.deepEqual(data.pools, { status: 'ok', message: 'no pools in this release' });
    const other = (await stranger.call(routes.getDashboardData)).data;
    assert.deepEqual(other.tasks, { status: 'ok', by_status: {} });
    assert.ok(other.memory.status === 'ok' && other.memory.memories === 0);
  });

  it('settings are listed with where they come from, secrets masked, for administrators alone', async () => {
    const { settings } = await place.admin.call(routes.getSettings);
    const of = (name: string) => settings.find((setting) => setting.name === name)!;
    assert.deepEqual([of('REEVE_API_KEY').value, of('REEVE_API_KEY').origin], ['***', 'environment']);
    assert.deepEqual([of('REEVE_RETENTION_DAYS').value, of('REEVE_RETENTION_DAYS').changeable], ['30', false]);
    assert.deepEqual(
      settings
        .filter(({ changeable }) => changeable)
        .map(({ name }) => name)
        .toSorted(),
      ['GATEWAY_TIMEOUT_MS', 'REEVE_DEFAULT_AGENT'],
    );
    assert.ok(settings.every(({ description }) => description !== ''));
    assert.doesNotMatch(JSON.stringify(settings), /rv_test_key|a secret between services/);
    await refused(place.member.call(routes.getSettings), 403, 'forbidden');
    const others = (await place.stranger.call(routes.getSettings)).settings;
    assert.ok(
      others.every(({ changeable }) => changeable),
      'how the server is set up is not for every tenant',
    );
  });

  it('a change holds at once, for this tenant alone, is audited, and can be taken back', async () => {
    const { admin, stranger } = place;
    await admin.call(routes.createAgent, { body: { name: 'Front desk', slug: 'front-desk', tools: [] } });
    const change = (settings: Record<string, unknown>, who = admin) =>
      who.call(routes.putSettings, { body: { settings } });
    const agentOf = async (who = admin) => (await who.call(routes.execute, { body: { task: 'What is 6 * 7?' } })).agent;
    assert.equal(await agentOf(), 'assistant');
    await change({ REEVE_DEFAULT_AGENT: 'front-desk' });
    assert.equal(await agentOf(), 'front-desk');
    assert.equal(await agentOf(stranger), 'assistant');
    const setting = await named('REEVE_DEFAULT_AGENT');
    assert.deepEqual(
      [setting?.value, setting?.origin, setting?.configured, setting?.updated_by],
      ['front-desk', 'override', 'assistant', 'key-1'],
    );
    await change({ GATEWAY_TIMEOUT_MS: 1, REEVE_DEFAULT_AGENT: null });
    await refused(admin.call(routes.execute, { body: { task: 'What is 6 * 7?' } }), 504, 'timeout');
    assert.equal((await named('REEVE_DEFAULT_AGENT'))?.origin, 'default');
    await change({ GATEWAY_TIMEOUT_MS: null });
    assert.equal(await agentOf(), 'assistant');
    const { entries } = await admin.call(routes.listAudit, { query: { action: 'SETTING_CHANGED' } });
    assert.deepEqual(entries.map(({ details }) => details).toReversed(), [
      { name: 'REEVE_DEFAULT_AGENT', from: null, to: 'front-desk' },
      { name: 'GATEWAY_TIMEOUT_MS', from: null, to: 1 },
      { name: 'REEVE_DEFAULT_AGENT', from: 'front-desk', to: null },
      { name: 'GATEWAY_TIMEOUT_MS', from: 1, to: null },
    ]);
  });

  it('a change is refused as a whole where one part of it is wrong', async () => {
    const { admin, member } = place;
    const change = (settings: Record<string, unknown>, who = admin) =>
      who.call(routes.putSettings, { body: { settings } });
    for (const [settings, path, code] of [
      [{ GATEWAY_TIMEOUT_MS: 0 }, 'settings.GATEWAY_TIMEOUT_MS', 'invalid_request'],
      [
        { GATEWAY_TIMEOUT_MS: 'soon', REEVE_DEFAULT_AGENT: 'assistant' },
        'settings.GATEWAY_TIMEOUT_MS',
        'invalid_request',
      ],
      [{ REEVE_DEFAULT_AGENT: 7 }, 'settings.REEVE_DEFAULT_AGENT', 'invalid_request'],
      [{ REEVE_DEFAULT_AGENT: 'nobody', GATEWAY_TIMEOUT_MS: 7 }, 'settings.REEVE_DEFAULT_AGENT', 'unknown_agent'],
      [{ REEVE_PORT: 7 }, 'settings.REEVE_PORT', 'invalid_request'],
      [{ REEVE_API_KEY: 'rv_mine_now' }, 'settings.REEVE_API_KEY', 'invalid_request'],
      [{ constructor: 7 }, 'settings.constructor', 'invalid_request'],
      [{}, 'settings', 'invalid_request'],
    ] as const)
      await refused(change(settings), 400, code, path);
    await refused(change({ GATEWAY_TIMEOUT_MS: 7 }, member), 403, 'forbidden');
    assert.ok((await admin.call(routes.getSettings)).settings.every(({ origin }) => origin !== 'override'));
  });
});
