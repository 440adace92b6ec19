// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { loadConfig, silentLog } from '@reeve/kit';
import { createModelSlotStore } from '@reeve/limits';
import { modelSettings, openModels } from '@reeve/models';
import { openTestDatabase } from '@reeve/testing';
import { startSlotServer, type SlotServer } from '@reeve/testing/upstream';

describe('gateways on one database', () => {
  let database: Database;
  let server: SlotServer;
  before(async () => {
    database = await openTestDatabase();
    server = await startSlotServer({ slots: 8, callMs: 30 });
  });
  const stores = new AsyncDisposableStack();
  after(async () => {
    await stores.disposeAsync();
    await server[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  const LEASE = { leaseMs: 2_000, turnMs: 300 };
  function open(processId: string, model: string, limit: number) {
    const { config } = loadConfig(modelSettings, {
      LLM_PROVIDER: 'openai-compatible',
      LLM_MODEL: model,
      LLM_BASE_URL: server.url,
      LLM_MAX_CONCURRENCY: String(limit),
    });
    let renewals = 0;
    const store = stores.use(createModelSlotStore(database, processId, LEASE));
    const slots = {
      ...store,
      renew: (...args: Parameters<typeof store.renew>) => {
        renewals += 1;
        return store.renew(...args);
      },
    };
    const models = openModels(config, silentLog, { slots });
    const call = async () => {
      const request = {
        model: null,
        system: '',
        context: [],
        messages: [{ role: 'user' as const, text: 'Hello' }],
        tools: [],
      };
      for await (const _ of models.stream(request, new AbortController().signal));
    };
    return {
      calls: (count: number) => Promise.all(Array.from({ length: count }, call)),
      renewals: () => renewals,
      store,
    };
  }

  it('have no more calls in flight together than the limit, and both get on', async () => {
    const [one, two] = [open('one', 'shared', 2), open('two', 'shared', 2)];
    server.most = 0;
    await Promise.all([one.calls(20), two.calls(20)]);
    assert.ok(server.most <= 2, `${server.most} were in flight`);
  });

  it('take turns where there is one slot', async () => {
    const [one, two] = [open('one', 'single', 1), open('two', 'single', 1)];
    server.most = 0;
    await Promise.all([one.calls(8), two.calls(8)]);
    assert.equal(server.most, 1);
  });

  it('ask the database not for each call while they are alone', async () => {
    const one = open('one', 'alone', 2);
    const began = performance.now();
    await one.calls(40);
    const seconds = (performance.now() - began) / 1_000;
    assert.ok(one.renewals() <= 3 + seconds, `${one.renewals()} renewals for 40 calls in ${seconds} s`);
  });

  it('get the slots of one that died once its lease has ended', async () => {
    const dead = createModelSlotStore(database, 'dead', LEASE);
    const model = { provider: 'openai-compatible', model: 'orphaned' };
    const lease = await dead.renew(model, { running: 2, wanted: 2, limit: 2, isLearnt: false });
    assert.equal(lease.slots, 2);
    const heir = open('heir', 'orphaned', 2);
    const began = performance.now();
    await heir.calls(2);
    assert.ok(performance.now() - began >= 1_000, 'not before the lease has ended');
  });

  it('give their slots back when they stop', async () => {
    const one = createModelSlotStore(database, 'one', LEASE);
    const model = { provider: 'openai-compatible', model: 'stopped' };
    await one.renew(model, { running: 1, wanted: 1, limit: 1, isLearnt: false });
    await one[Symbol.asyncDispose]();
    const two = createModelSlotStore(database, 'two', LEASE);
    const lease = await two.renew(model, { running: 0, wanted: 1, limit: 1, isLearnt: false });
    assert.deepEqual([lease.slots, lease.isAlone], [1, true]);
  });

  it('follow what the first of them has learnt', async () => {
    const [one, two] = [createModelSlotStore(database, '1', LEASE), createModelSlotStore(database, '2', LEASE)];
    const model = { provider: 'openai-compatible', model: 'learnt' };
    await one.renew(model, { running: 1, wanted: 1, limit: 4, isLearnt: true });
    const lease = await two.renew(model, { running: 0, wanted: 4, limit: 1, isLearnt: true });
    assert.equal(lease.follow, 4);
    assert.equal((await one.renew(model, { running: 1, wanted: 1, limit: 3, isLearnt: true })).follow, undefined);
  });
});
