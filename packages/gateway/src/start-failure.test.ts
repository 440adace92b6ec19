import assert from 'node:assert/strict';
import { it } from 'node:test';
import { REASONS, type Reason } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import { runOutcomeOf, startFailureOf, startOutcomeOf } from './start-failure.ts';

const coded = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });

it('a start is repeated only after errors that certainly created no run', () => {
  const table: readonly (readonly [unknown, string])[] = [
    [coded('ECONNREFUSED'), 'none'],
    [coded('ENOTFOUND'), 'none'],
    [coded('EAI_AGAIN'), 'none'],
    [coded('ECONNRESET', { syscall: 'connect' }), 'none'],
    [coded('ETIMEDOUT', { syscall: 'connect' }), 'none'],
    [coded('EHOSTUNREACH', { syscall: 'connect' }), 'none'],
    [new Error('timeout exceeded when trying to connect'), 'none'],
    [coded('53300'), 'none'],
    [coded('57P03'), 'none'],
    [coded('40001'), 'none'],
    [coded('40P01'), 'none'],
    [coded('55P03'), 'none'],
    [coded('25006'), 'none'],
    [new ReeveError('unavailable', 'x'), 'none'],
    [new ReeveError('pool_exhausted', 'x'), 'none'],
    [coded('ECONNRESET'), 'unknown'],
    [coded('ECONNRESET', { syscall: 'read' }), 'unknown'],
    [coded('ETIMEDOUT', { syscall: 'read' }), 'unknown'],
    [coded('EPIPE', { syscall: 'write' }), 'unknown'],
    [new Error('Connection terminated unexpectedly'), 'unknown'],
    [new Error('Client has encountered a connection error and is not queryable'), 'unknown'],
    [coded('57P01'), 'unknown'],
    [coded('08006'), 'unknown'],
    [coded('23505'), 'refused'],
    [coded('42601'), 'refused'],
    [coded('53100'), 'refused'],
    [new TypeError('a fault of ours'), 'refused'],
    [new ReeveError('internal', 'x'), 'refused'],
    [new ReeveError('timeout', 'x'), 'refused'],
    [new ReeveError('shutting_down', 'x'), 'refused'],
    ['text', 'refused'],
    [null, 'refused'],
    [undefined, 'refused'],
  ];
  for (const [error, expected] of table) assert.equal(startFailureOf(error), expected, String(error));
});

it('an error of the caller is never retried and never counts against a breaker', () => {
  const reasons = Object.keys(REASONS) as Reason[];
  for (const reason of reasons.filter((name) => REASONS[name].status < 500)) {
    const error = new ReeveError(reason, 'x');
    assert.equal(startFailureOf(error), 'refused', reason);
    assert.equal(startOutcomeOf(error), 'ok', reason);
    assert.notEqual(runOutcomeOf(error), 'fault', reason);
  }
});

it('runs that end by money, by a cancel or by a stop prove nothing; failed providers and machinery count', () => {
  const of = (...reasons: Reason[]) => new Set(reasons.map((reason) => runOutcomeOf(new ReeveError(reason, 'x'))));
  assert.deepEqual(
    of('cancelled', 'budget_exhausted', 'rate_limited', 'rejected', 'shutting_down'),
    new Set(['inconclusive']),
  );
  assert.deepEqual(
    of(
      'upstream_error',
      'provider_key_refused',
      'malformed_answer',
      'provider_overloaded',
      'circuit_open',
      'internal',
      'unavailable',
      'timeout',
    ),
    new Set(['fault']),
  );
  assert.deepEqual(of('context_too_long', 'content_refused', 'limit_reached', 'policy_denied'), new Set(['ok']));
  assert.equal(startOutcomeOf(coded('ECONNREFUSED')), 'fault');
  assert.equal(startOutcomeOf(new ReeveError('shutting_down', 'x')), 'not_sent');
});
