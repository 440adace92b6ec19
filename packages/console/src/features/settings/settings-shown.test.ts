import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Setting } from '@reeve/contract';
import { settingsShown, type ShownSettings } from './settings-shown.ts';

const setting = (name: string, part: Partial<Setting> = {}): Setting => ({
  name,
  value: '',
  origin: 'default',
  changeable: false,
  description: '',
  configured: null,
  updated_by: null,
  updated_at: null,
  ...part,
});
const SETTINGS = [
  setting('REEVE_PORT', { value: '8080', description: 'Where the server listens.' }),
  setting('GATEWAY_TIMEOUT_MS', { value: '5000', origin: 'override', changeable: true }),
  setting('REEVE_HOST', { value: '0.0.0.0', origin: 'environment', description: 'Address to listen on.' }),
];
const names = (q?: string, show?: ShownSettings) => settingsShown(SETTINGS, q, show).map(({ name }) => name);

test('settings come by name, and those that have every word somewhere', () => {
  assert.deepEqual(names(), ['GATEWAY_TIMEOUT_MS', 'REEVE_HOST', 'REEVE_PORT']);
  assert.deepEqual(names('listen  REEVE'), ['REEVE_HOST', 'REEVE_PORT']);
  assert.deepEqual(names('8080'), ['REEVE_PORT']);
  assert.deepEqual(names('nowhere'), []);
});

test('only those that somebody chose, or that can be changed here', () => {
  assert.deepEqual(names(undefined, 'changed'), ['GATEWAY_TIMEOUT_MS', 'REEVE_HOST']);
  assert.deepEqual(names('reeve', 'changed'), ['REEVE_HOST']);
  assert.deepEqual(names(undefined, 'changeable'), ['GATEWAY_TIMEOUT_MS']);
});
