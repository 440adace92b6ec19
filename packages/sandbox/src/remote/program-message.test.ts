import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Channel, EndedSchema, ProgramSchema } from '@reeve/contract/proto/reeve/v1/programs';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { fromEnded, fromProgram, PIECE_BYTES, piecesOf, toEnded, toProgram } from './program-message.ts';
import type { ExecResult, SandboxRequest } from '../sandbox.ts';

const roots = { work: '/data/work' };
const text = fc.string({ unit: 'binary', maxLength: 50 }).filter((words) => words.isWellFormed());
const whole = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const requests: fc.Arbitrary<SandboxRequest> = fc
  .record({
    language: fc.constantFrom('bash', 'python', 'node'),
    code: text,
    cwd: optional(text),
    env: fc.dictionary(
      text.filter((name) => name !== '__proto__'),
      text,
      { maxKeys: 4, noNullPrototype: true },
    ),
    timeoutMs: fc.integer({ min: 1, max: 86_400_000 }),
    maxOutputBytes: whole,
    maxAnswerBytes: optional(whole),
    limits: fc.record(
      {
        cpuMs: whole,
        memoryBytes: whole,
        processes: whole,
        openFiles: whole,
        fileBytes: whole,
        diskBytes: whole,
        files: whole,
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
    keepsOutput: fc.boolean(),
  })
  .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as never);

const output = { stdout: text, stderr: text, durationMs: fc.double({ min: 0, noNaN: true }), truncated: fc.boolean() };
const exitCode = fc.option(fc.integer({ min: 0, max: 255 }));
const results: fc.Arbitrary<ExecResult> = fc.oneof(
  fc.record({ ...output, exitCode, answer: text, status: fc.constant('success' as const) }, { noNullPrototype: true }),
  fc.record(
    {
      ...{ ...output, exitCode, message: text, status: fc.constantFrom('error' as const, 'timeout' as const) },
      exceeded: fc.constantFrom('time', 'output', 'cpu', 'memory', 'disk', 'files'),
    },
    {
      requiredKeys: ['stdout', 'stderr', 'durationMs', 'truncated', 'exitCode', 'message', 'status'],
      noNullPrototype: true,
    },
  ),
);

describe('a program on its way to another process', () => {
  it('arrives as it was asked for', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const program = fromBinary(ProgramSchema, toBinary(ProgramSchema, toProgram(request, roots)));
        assert.deepEqual({ ...fromProgram(program) }, request);
      }),
      cases(),
    );
  });

  it('comes back with its end and all that it said, in pieces that fit', () => {
    fc.assert(
      fc.property(results, (result) => {
        const ended = fromBinary(EndedSchema, toBinary(EndedSchema, create(EndedSchema, toEnded(result))));
        assert.deepEqual(fromEnded(ended, saidIn(result)), result);
      }),
      cases(),
    );
    const stdout = 'ü'.repeat(PIECE_BYTES);
    const long = { stdout, stderr: 'x', durationMs: 1, truncated: false, exitCode: 0, status: 'success' } as const;
    assert.deepEqual(saidIn(long), { stdout, stderr: 'x', answer: '' });
    for (const { data } of piecesOf(long)) assert.ok(data.length <= PIECE_BYTES);
  });

  it('is not believed to have ended as nothing ends', () => {
    const ended = create(EndedSchema, { status: 'vanished' });
    assert.throws(() => fromEnded(ended, { stdout: '', stderr: '', answer: '' }), { reason: 'upstream_error' });
  });
});

/** What the pieces of a result say, put together. */
function saidIn(result: ExecResult) {
  const pieces = [...piecesOf(result)];
  const of = (wanted: Channel) =>
    Buffer.concat(pieces.filter(({ channel }) => channel === wanted).map(({ data }) => data)).toString();
  return { stdout: of(Channel.STDOUT), stderr: of(Channel.STDERR), answer: of(Channel.ANSWER) };
}
