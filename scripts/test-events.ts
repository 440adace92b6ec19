// A reporter of Node's test runner that hands events to run-tests.ts: one JSON line each, appended to the file that
// REEVE_TEST_EVENTS names as it happens, so that the runner knows what a killed test process was doing.
import { EventEmitter } from 'node:events';
import { appendFileSync } from 'node:fs';
import type { TestEvent as NodeTestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** One event of a test, or of the file itself, whose path is empty. */
export interface TestEvent {
  kind: 'begun' | 'ended' | 'passed' | 'failed' | 'skipped';
  /** The tests around it, outermost first, and the test itself; for `begun` and `ended` the test alone. */
  path: string[];
  /** A test, as opposed to a group of tests. */
  isTest: boolean;
  /** Why it failed, whole, or why it was skipped. */
  text?: string;
}

/** Emits `ended` once every event of a test file has been written. */
export const files = new EventEmitter<{ ended: [] }>();

// oxlint-disable-next-line import/no-default-export, require-yield -- what Node asks of a reporter
export default async function* report(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<never> {
  const around: string[] = [];
  for await (const event of source) {
    const described = describeEvent(event, around);
    if (described !== undefined)
      appendFileSync(process.env['REEVE_TEST_EVENTS'] ?? '', `${JSON.stringify(described)}\n`);
    if ((event.type === 'test:pass' || event.type === 'test:fail') && event.data.nesting === 0) files.emit('ended');
  }
}

// test-process.ts wraps each file in a suite, which is the nesting 0.
function describeEvent({ type, data }: NodeTestEvent, around: string[]): TestEvent | undefined {
  if (type === 'test:dequeue' && data.nesting > 0)
    return { kind: 'begun', path: [data.name], isTest: data.type === 'test' };
  if (type === 'test:complete' && data.nesting > 0)
    return { kind: 'ended', path: [data.name], isTest: data.details.type === 'test' };
  if (type === 'test:start') around.splice(data.nesting, Infinity, data.name);
  if (type !== 'test:pass' && type !== 'test:fail') return undefined;
  const path = [...around.slice(0, data.nesting), data.name].slice(1);
  const test = { path, isTest: data.details.type !== 'suite' };
  const reason = data.skip ?? data.todo;
  if (reason !== undefined && reason !== false) {
    return { kind: 'skipped', ...test, text: reason === true || reason === '' ? 'no reason given' : reason };
  }
  if (type === 'test:pass') return { kind: 'passed', ...test };
  const { error } = data.details;
  // A test or group that failed only because of those inside it, which report themselves.
  if (Reflect.get(error, 'failureType') === 'subtestsFailed') return undefined;
  return { kind: 'failed', ...test, text: inspect(error.cause instanceof Error ? error.cause : error) };
}
