import { APICallError } from '@ai-sdk/provider';

/** What can be read from whatever a provider's package threw. */
export interface Failure {
  /** The HTTP status of an error answer, or the one that an error in mid-stream stands for. */
  readonly status: number | undefined;
  /** The provider's own codes and types of the error. */
  readonly codes: readonly string[];
  /** The provider's own words on one line, shortened, without the key. */
  readonly said: string;
  /** When the provider says to come back. */
  readonly retryAfterMs: number | undefined;
  /** An answer came, but it makes no sense, or it ended before its end. */
  readonly unreadable: boolean;
}

export function readFailure(thrown: unknown, apiKey: string | undefined): Failure {
  const unreadable = UNREADABLE.has(String(field(thrown, 'name'))) || isStrangeSuccess(thrown);
  return {
    status: unreadable ? undefined : statusOf(thrown),
    codes: codesOf(thrown),
    said: shorten(messageOf(thrown), apiKey),
    retryAfterMs: retryAfter(thrown),
    unreadable,
  };
}

/** The code of the first network error in the chain of causes. */
export function networkCode(thrown: unknown): string | undefined {
  let current = thrown;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const code = field(current, 'code');
    if (typeof code === 'string' && /^(E[A-Z_]+|UND_ERR_[A-Z_]+)$/.test(code)) return code;
    const nested = field(current, 'errors');
    current = current.cause ?? (Array.isArray(nested) ? nested[0] : undefined);
  }
  return undefined;
}

/** What to keep as the cause. An API error itself holds the whole prompt, which must not reach a log. */
export function causeOf(thrown: unknown): unknown {
  return APICallError.isInstance(thrown) ? thrown.cause : thrown;
}

const UNREADABLE: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);

/** A 200 whose body is not what was asked for. */
function isStrangeSuccess(thrown: unknown): boolean {
  return APICallError.isInstance(thrown) && thrown.statusCode !== undefined && thrown.statusCode < 300;
}

function statusOf(thrown: unknown): number | undefined {
  const status = APICallError.isInstance(thrown)
    ? thrown.statusCode
    : (field(thrown, 'statusCode') ?? field(thrown, 'code'));
  return typeof status === 'number' && status >= 400 && status < 600 ? status : undefined;
}

/** From the error itself and from the answer's body, whose shape differs by provider. */
function codesOf(thrown: unknown): string[] {
  const data = field(thrown, 'data') ?? parse(field(thrown, 'responseBody'));
  const places = [thrown, data, field(data, 'error'), field(field(data, 'response'), 'error')];
  const found = places.flatMap((place) => [field(place, 'code'), field(place, 'type'), field(place, 'status')]);
  return found.filter((code) => typeof code === 'string');
}

function parse(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function messageOf(thrown: unknown): string {
  const name = field(thrown, 'name');
  if (name === 'AI_JSONParseError' || name === 'AI_TypeValidationError') return 'a chunk is not what it should be';
  const message = field(thrown, 'message');
  return typeof message === 'string' && message !== '' ? message : 'no reason given';
}

function shorten(message: string, apiKey: string | undefined): string {
  const masked = apiKey === undefined ? message : message.replaceAll(apiKey, '***');
  const line = masked.slice(0, 1_000).replace(/\s+/g, ' ').trim();
  const short = line.length > 300 ? `${line.slice(0, 300)}…` : line;
  return /[.!?…]$/.test(short) ? short : `${short}.`;
}

/** `retry-after-ms`, `retry-after` in seconds or as a date, or what stands in the body. */
function retryAfter(thrown: unknown): number | undefined {
  const headers = APICallError.isInstance(thrown) ? (thrown.responseHeaders ?? {}) : {};
  const milliseconds = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (milliseconds >= 0) return Math.ceil(milliseconds);
  const value = headers['retry-after'];
  if (value === undefined) return retryDelay(thrown);
  const seconds = Number(value);
  if (seconds >= 0) return Math.ceil(seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Gemini says it in the body, as `"retryDelay": "34s"`. */
function retryDelay(thrown: unknown): number | undefined {
  const seconds = /"retryDelay":\s*"(\d+(?:\.\d+)?)s"/.exec(String(field(thrown, 'responseBody')))?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
