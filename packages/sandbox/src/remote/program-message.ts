import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  Channel,
  ProgramSchema,
  type Ended,
  type EndedSchema,
  type Program,
} from '@reeve/contract/proto/reeve/v1/programs';
import { ReeveError } from '@reeve/kit';
import { limitsOf } from '../limits.ts';
import { SYSTEM_LANGUAGES } from '../system/program.ts';
import { toRootedPath, type Roots } from './roots.ts';
import type { ExceededLimit, ExecRequest, ExecResult, Limits, SandboxRequest } from '../sandbox.ts';

/** Chunk size of a program’s input and output. */
export const PIECE_BYTES = 256 * 1024;
/** How much standard input may be in transit to a program. */
export const STDIN_WINDOW = 256 * 1024;
/** Interval of a caller’s keep-alives, and the longest silence allowed. */
export const ALIVE_MS = 5_000;
export const SILENT_MS = 30_000;
const MAX_CODE_BYTES = 4 * 1024 * 1024;

/** Encodes a request for another process. Throws `invalid_request` for an invalid limit or directory, or too much code. */
export function toProgram(request: SandboxRequest, roots: Roots): Program {
  limitsOf(request);
  const { language, code, workspace, readOnly = [], cwd, env, timeoutMs, maxOutputBytes, maxAnswerBytes } = request;
  if (Buffer.byteLength(code) > MAX_CODE_BYTES)
    throw new ReeveError(
      'invalid_request',
      `a program may have at most ${MAX_CODE_BYTES} bytes in a sandbox elsewhere`,
    );
  return create(ProgramSchema, {
    language,
    code,
    ...(workspace !== undefined && { workspace: toRootedPath(roots, workspace) }),
    readOnly: readOnly.map(({ path, at }) => ({ directory: toRootedPath(roots, path), at })),
    ...(cwd !== undefined && { cwd }),
    env: { ...env },
    timeoutMs,
    maxOutputBytes,
    ...(maxAnswerBytes !== undefined && { maxAnswerBytes }),
    limits: { ...request.limits },
    tellsOutput: request.onOutput !== undefined,
    keepsOutput: request.keepsOutput ?? true,
    hasStdin: request.stdin !== undefined && request.stdin !== '',
    opensHosts: request.egress !== undefined,
  });
}

/** Decodes a request from another process, without directories and streams. Throws `invalid_request` for invalid values. */
export function fromProgram(
  program: Program,
): Omit<ExecRequest, 'workspace' | 'readOnly' | 'stdin' | 'onOutput' | 'egress'> {
  const language = SYSTEM_LANGUAGES.find((known) => known === program.language);
  if (language === undefined)
    throw new ReeveError('invalid_request', `language must be one of ${SYSTEM_LANGUAGES.join(', ')}`);
  const { code, cwd, env, timeoutMs, maxOutputBytes, maxAnswerBytes, keepsOutput } = program;
  for (const [name, value] of Object.entries({ timeoutMs, maxOutputBytes, maxAnswerBytes: maxAnswerBytes ?? 1 }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ReeveError('invalid_request', `${name} must be a whole number above 0, not ${value}`);
  const { $typeName: _, $unknown: __, ...limits } = program.limits ?? {};
  return {
    language,
    code,
    ...(cwd !== undefined && { cwd }),
    env,
    timeoutMs,
    maxOutputBytes,
    ...(maxAnswerBytes !== undefined && { maxAnswerBytes }),
    limits: limits as Partial<Limits>,
    keepsOutput,
  };
}

/** Encodes how a program ended, without its output. */
export function toEnded(result: ExecResult): MessageInitShape<typeof EndedSchema> {
  const { status, exitCode, durationMs, truncated, answer } = result;
  return {
    status,
    ...(exitCode !== null && { exitCode }),
    durationMs,
    truncated,
    ...(result.status !== 'success' && {
      message: result.message,
      ...(result.exceeded !== undefined && { exceeded: result.exceeded }),
    }),
    hasAnswer: answer !== undefined,
  };
}

/** The program’s whole output. */
export type Said = Readonly<Record<'stdout' | 'stderr' | 'answer', string>>;

/** The result as a driver of this process would give it. Throws `upstream_error` for an end that there is not. */
export function fromEnded(ended: Ended, { stdout, stderr, answer }: Said): ExecResult {
  const { status, exitCode = null, durationMs, truncated, message, hasAnswer } = ended;
  const output = { stdout, stderr, durationMs, truncated, exitCode, ...(hasAnswer && { answer }) };
  if (status === 'success') return { ...output, status };
  const exceeded = EXCEEDED.find((limit) => limit === ended.exceeded);
  if (status === 'error' || status === 'timeout')
    return { ...output, status, message, ...(exceeded !== undefined && { exceeded }) };
  throw new ReeveError('upstream_error', `the sandbox elsewhere told of an end ${JSON.stringify(status)}`);
}

const EXCEEDED: readonly ExceededLimit[] = ['time', 'output', 'cpu', 'memory', 'disk', 'files'];

/** The program’s output in chunks. */
export function* piecesOf(result: ExecResult): Generator<{ channel: Channel; data: Uint8Array<ArrayBuffer> }> {
  const all = [
    [Channel.STDOUT, result.stdout],
    [Channel.STDERR, result.stderr],
    [Channel.ANSWER, result.answer ?? ''],
  ] as const;
  for (const [channel, text] of all) {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES)
      yield { channel, data: bytes.subarray(at, at + PIECE_BYTES) };
  }
}
