import { APICallError } from '@ai-sdk/provider';

/** The readable content of an error that a provider's package threw. */
export interface ProviderError {
  /** The HTTP status of the response, or the status that an error within a stream reports. */
  readonly status: number | undefined;
  /** The provider's error codes and types. */
  readonly codes: readonly string[];
  /** The provider's error message on one line, shortened, with the key masked. */
  readonly text: string;
  /** The delay that the provider asks for. */
  readonly retryAfterMs: number | undefined;
  /** The response was malformed or incomplete. */
  readonly unreadable: boolean;
}

export function readProviderError(thrown: unknown, apiKey: string | undefined): ProviderError {
  const unreadable = UNREADABLE.has(String(field(thrown, 'name'))) || isUnexpectedBody(thrown);
  return {
    status: unreadable ? undefined : statusOf(thrown),
    codes: codesOf(thrown),
    text: shorten(messageOf(thrown), apiKey),
    retryAfterMs: retryAfter(thrown),
    unreadable,
  };
}

/** The cause to keep. An API error itself holds the whole prompt, which must not reach a log. */
export function causeOf(thrown: unknown): unknown {
  return APICallError.isInstance(thrown) ? thrown.cause : thrown;
}

const UNREADABLE: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);

/** A 2xx response with an unexpected body. */
function isUnexpectedBody(thrown: unknown): boolean {
  return APICallError.isInstance(thrown) && thrown.statusCode !== undefined && thrown.statusCode < 300;
}

function statusOf(thrown: unknown): number | undefined {
  const status = APICallError.isInstance(thrown)
    ? thrown.statusCode
    : (field(thrown, 'statusCode') ?? field(thrown, 'code'));
  return typeof status === 'number' && status >= 400 && status < 600 ? status : undefined;
}

/** Reads the codes from the error itself and from the response body, whose shape differs by provider. */
function codesOf(thrown: unknown): string[] {
  const data = field(thrown, 'data') ?? parse(field(thrown, 'responseBody'));
  const holders = [thrown, data, field(data, 'error'), field(field(data, 'response'), 'error')];
  const found = holders.flatMap((holder) => [field(holder, 'code'), field(holder, 'type'), field(holder, 'status')]);
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

/** Reads `retry-after-ms`, `retry-after` in seconds or as a date, or the delay in the body. */
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

/** Gemini sends the delay in the body, as `"retryDelay": "34s"`. */
function retryDelay(thrown: unknown): number | undefined {
  const seconds = /"retryDelay":\s*"(\d+(?:\.\d+)?)s"/.exec(String(field(thrown, 'responseBody')))?.[1];
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
