import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMPONENTS, type ComponentHealth, type ComponentName, type Health } from '@reeve/contract';
import { healthState } from './health-state.ts';

test('the glyph shows the worst component, and that component comes first', () => {
  const state = healthState(health({ models: { status: 'degraded', message: 'slow' } }), null);
  assert.deepEqual([state.status, state.text, state.components[0]?.name], ['degraded', 'Degraded', 'models']);
  assert.equal(
    healthState(health({ models: { status: 'degraded' }, database: { status: 'unavailable' } }), null).status,
    'unavailable',
  );
});

test("the server's own word counts even where every component is well", () => {
  assert.equal(healthState({ ...health({}), status: 'degraded' }, null).status, 'degraded');
});

test('a server out of reach is red, whatever it said before', () => {
  const state = healthState(health({}), 'unreachable');
  assert.deepEqual(
    [state.status, state.text, state.components.length],
    ['unavailable', 'Unreachable', COMPONENTS.length],
  );
  assert.equal(healthState(undefined, 'unreadable').status, 'unavailable');
  assert.equal(healthState(undefined, null).status, 'pending');
});

function health(changes: Partial<Record<ComponentName, ComponentHealth>>): Health {
  const well = Object.fromEntries(COMPONENTS.map((name) => [name, { status: 'ok' }])) as Record<
    ComponentName,
    ComponentHealth
  >;
  return {
    service: 'reeve',
    status: 'ok',
    version: '0.1.0',
    uptime_s: 1,
    roles: ['all'],
    components: { ...well, ...changes },
  };
}
