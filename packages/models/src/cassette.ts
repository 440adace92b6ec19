import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { REASONS, type Reason } from '@reeve/contract';
import { isRecord, ReeveError, type Log } from '@reeve/kit';
import { z } from 'zod';
import { finalFault, type Backend } from './backend.ts';
import type { ModelGateway, ModelPart, ModelRequest } from './model.ts';
import type { Target } from './targets.ts';

/**
 * A cassette is a file of recorded model calls, one JSON object a line: the request's fingerprint, the provider and
 * model that answered, and the parts of the answer or the error. It holds no requests, and provider keys are masked.
 */
const Entry = z.object({
  fingerprint: z.string(),
  provider: z.string(),
  model: z.string(),
  parts: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('thinking'), delta: z.string() }),
      z.object({ type: z.literal('text'), delta: z.string() }),
      z.object({
        type: z.literal('tool_call'),
        call: z.object({ id: z.string(), name: z.string(), input: z.unknown() }),
      }),
      z.object({
        type: z.literal('finish'),
        reason: z.enum(['stop', 'tool_calls', 'length', 'content_filter', 'other']),
        usage: z.object({
          inputTokens: z.number(),
          outputTokens: z.number(),
          cachedTokens: z.number(),
          reasoningTokens: z.number(),
          estimated: z.boolean(),
        }),
        providerData: z.unknown().optional(),
      }),
    ]),
  ),
  error: z.object({ reason: z.enum(Object.keys(REASONS) as Reason[]), message: z.string() }).optional(),
});
type Entry = z.infer<typeof Entry>;

/** Hashes a request to 16 hexadecimal digits, without the provider data of its messages. */
export function fingerprint(request: ModelRequest): string {
  const messages = request.messages.map((message) => ({ ...message, providerData: undefined }));
  return createHash('sha256')
    .update(canonical({ ...request, messages }))
    .digest('hex')
    .slice(0, 16);
}

export interface RecordOptions {
  readonly path: string;
  /** Never written. */
  readonly secrets: readonly string[];
  readonly first: Target;
  readonly log: Log;
}

/** Records each completed or failed call, but no cancelled one. If the file cannot be written, the call still succeeds. */
export function recordCalls(
  inner: ModelGateway['stream'],
  { path, secrets, first, log }: RecordOptions,
): ModelGateway['stream'] {
  let writing = Promise.resolve();
  // Placeholder keys of servers without authentication are short words, which must not be masked in answers.
  const keys = secrets.filter(({ length }) => length >= 12);
  const write = (entry: Entry) => {
    const line = keys.reduce((text, secret) => text.replaceAll(secret, '***'), JSON.stringify(entry));
    // Writes run one after another, so that lines of parallel calls do not interleave.
    writing = writing
      .then(() => appendFile(path, `${line}\n`))
      .catch((error: unknown) => {
        log.error({ err: error, path }, 'the cassette cannot be written');
      });
    return writing;
  };
  return async function* stream(request, ...call) {
    const parts: ModelPart[] = [];
    const entry = { fingerprint: fingerprint(request), ...first, parts };
    try {
      for await (const part of inner(request, ...call)) {
        parts.push(part);
        if (part.type === 'finish') await write({ ...entry, provider: part.provider, model: part.model });
        yield part;
      }
    } catch (thrown) {
      const { reason, message } = ReeveError.from(thrown);
      if (reason !== 'cancelled' && reason !== 'budget_exhausted')
        await write({ ...entry, error: { reason, message } });
      throw thrown;
    }
  };
}

/** Replays the calls of a cassette. */
export interface Player {
  /** Takes the next recording of a request. Throws `invalid_request` where none is left. */
  take(request: ModelRequest): { readonly target: Target; readonly backend: Backend };
}

/** Reads a cassette. Recordings of the same request replay in file order, each once. Throws `invalid_request` where it cannot be read. */
export function openPlayer(path: string): Player {
  const recordings = new Map<string, Entry[]>();
  for (const entry of readEntries(path)) {
    const list = recordings.get(entry.fingerprint);
    if (list === undefined) recordings.set(entry.fingerprint, [entry]);
    else list.push(entry);
  }
  const used = new Map<string, number>();
  return {
    take(request) {
      const print = fingerprint(request);
      const list = recordings.get(print) ?? [];
      const index = used.get(print) ?? 0;
      const entry = list[index];
      if (entry === undefined) throw noRecording(path, request, print, list.length);
      used.set(print, index + 1);
      return {
        target: { provider: entry.provider as Target['provider'], model: entry.model },
        backend: playback(entry),
      };
    },
  };
}

function playback({ parts, error }: Entry): Backend {
  return {
    relays: false,
    async *answer({ onOutput }, signal) {
      for (const part of parts) {
        if (signal.aborted) throw new ReeveError('cancelled', 'The model call was cancelled', { cause: signal.reason });
        if ('delta' in part) onOutput(part.delta.length);
        yield part;
      }
      if (error !== undefined) throw new ReeveError(error.reason, error.message);
    },
    explain: (thrown) => finalFault(ReeveError.from(thrown), false),
  };
}

function noRecording(path: string, request: ModelRequest, print: string, recorded: number): ReeveError {
  const last = request.messages.at(-1);
  const said =
    last === undefined
      ? ''
      : last.role === 'tool'
        ? `the result of ${last.name}`
        : JSON.stringify(last.text.slice(0, 200));
  const what = `model ${request.model ?? 'unset'}, ${request.messages.length} messages, the last one ${last?.role ?? 'missing'}: ${said}`;
  const why =
    recorded === 0 ? 'has no recording of this request' : `has ${recorded} of this request, and all were used`;
  return new ReeveError(
    'invalid_request',
    `The cassette ${path} ${why} (fingerprint ${print}; ${what}). Record it with LLM_CASSETTE_MODE=record.`,
  );
}

function readEntries(path: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw broken(path, 'but that file cannot be read; record it with LLM_CASSETTE_MODE=record', error);
  }
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    try {
      return [Entry.parse(JSON.parse(line))];
    } catch (error) {
      throw broken(path, `but line ${index + 1} of it is no recording of a model call`, error);
    }
  });
}

function broken(path: string, what: string, cause: unknown): ReeveError {
  const message = `LLM_CASSETTE is ${JSON.stringify(path)}, ${what}`;
  return new ReeveError('invalid_request', message, { cause, details: [{ path: 'LLM_CASSETTE', message }] });
}

/** JSON with sorted keys, so that a request read back from a database has the same fingerprint. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
