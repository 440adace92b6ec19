import { APICallError } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import type { RemoteConfig } from './config.ts';

/** A failed attempt: the error for the caller, and whether the provider certainly did nothing, so that it may be repeated. */
export interface Fault {
  readonly error: ReeveError;
  readonly repeatable: boolean;
}

/** What a provider's failure means. The message carries the provider's own words, shortened, and never the key. */
export function toFault(thrown: unknown, config: RemoteConfig, model: string): Fault {
  if (thrown instanceof ReeveError) return { error: thrown, repeatable: false };
  const status = statusOf(thrown);
  const said = shorten(messageOf(thrown), config.apiKey);
  if (status !== undefined) return fromStatus(thrown, status, said, config, model);
  return fromNetwork(thrown, said, config);
}

function fromStatus(thrown: unknown, status: number, said: string, config: RemoteConfig, model: string): Fault {
  const { provider, keyVariable } = config;
  const answer = `${provider} answered ${status}: ${said}`;
  const code = codeOf(thrown);
  if (status === 401 || status === 403 || (status === 400 && /\bAPI key\b/i.test(said))) {
    const hint =
      config.apiKey === undefined ? `Set ${keyVariable} to a key of that server` : `Check the key in ${keyVariable}`;
    return final(new ReeveError('upstream_error', `${answer} ${hint}.`));
  }
  if (status === 404 || code === 'model_not_found') {
    const hint = 'Check the name of the model (the agent’s, or LLM_MODEL) and LLM_BASE_URL';
    return final(
      new ReeveError('invalid_request', `${provider} has no model ${JSON.stringify(model)} (${answer}) ${hint}.`),
    );
  }
  if (status === 429) {
    const retryAfterMs = retryAfter(thrown);
    const error = new ReeveError('rate_limited', answer, retryAfterMs === undefined ? {} : { retryAfterMs });
    // An exhausted quota has the same status, but waiting does not refill it.
    return { error, repeatable: code !== 'insufficient_quota' };
  }
  if (status >= 500) {
    const retryAfterMs = retryAfter(thrown);
    const error = new ReeveError('upstream_error', answer, retryAfterMs === undefined ? {} : { retryAfterMs });
    return { error, repeatable: true };
  }
  if (status === 400 || status === 413 || status === 422) return final(new ReeveError('invalid_request', answer));
  return final(new ReeveError('upstream_error', answer, { cause: causeOf(thrown) }));
}

function fromNetwork(thrown: unknown, said: string, config: RemoteConfig): Fault {
  const { provider, baseUrl } = config;
  const cause = causeOf(thrown);
  const code = networkCode(thrown);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return final(new ReeveError('timeout', `${provider} sent no answer in time`, { cause }));
  }
  if (code !== undefined && NOT_CONNECTED.has(code)) {
    const message = `${provider} cannot be reached at ${new URL(baseUrl).origin} (${code}). Check the network and LLM_BASE_URL.`;
    return { error: new ReeveError('upstream_error', message, { cause }), repeatable: true };
  }
  if (code !== undefined && CUT.has(code)) {
    return final(
      new ReeveError('upstream_error', `${provider} cut the connection before its answer was finished (${code})`, {
        cause,
      }),
    );
  }
  return final(new ReeveError('upstream_error', `${provider} failed: ${said}`, { cause }));
}

function final(error: ReeveError): Fault {
  return { error, repeatable: false };
}

const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** The HTTP status of an error answer, or the one that an error in mid-stream stands for. A 200 says nothing. */
function statusOf(thrown: unknown): number | undefined {
  const status = APICallError.isInstance(thrown)
    ? thrown.statusCode
    : (field(thrown, 'statusCode') ?? field(thrown, 'code'));
  return typeof status === 'number' && status >= 400 && status < 600 ? status : undefined;
}

/** The provider's own error code, where its answer has one. */
function codeOf(thrown: unknown): unknown {
  const data = field(thrown, 'data');
  return field(field(data, 'error'), 'code') ?? field(data, 'code') ?? field(thrown, 'code');
}

function messageOf(thrown: unknown): string {
  const message = field(thrown, 'message');
  const name = field(thrown, 'name');
  if (name === 'AI_JSONParseError' || name === 'AI_TypeValidationError') return 'it sent a chunk that cannot be read';
  return typeof message === 'string' && message !== '' ? message : 'no reason given';
}

function shorten(message: string, apiKey: string | undefined): string {
  const masked = apiKey === undefined ? message : message.replaceAll(apiKey, '***');
  const line = masked.slice(0, 1_000).replace(/\s+/g, ' ').trim();
  const short = line.length > 300 ? `${line.slice(0, 300)}…` : line;
  return /[.!?…]$/.test(short) ? short : `${short}.`;
}

/** When the provider says to come back: `retry-after-ms`, or `retry-after` in seconds or as a date. */
function retryAfter(thrown: unknown): number | undefined {
  const headers = APICallError.isInstance(thrown) ? (thrown.responseHeaders ?? {}) : {};
  const milliseconds = Number(headers['retry-after-ms'] ?? Number.NaN);
  if (milliseconds >= 0) return Math.ceil(milliseconds);
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  if (seconds >= 0) return Math.ceil(seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** The code of the first network error in the chain of causes. */
function networkCode(thrown: unknown): string | undefined {
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
function causeOf(thrown: unknown): unknown {
  return APICallError.isInstance(thrown) ? thrown.cause : thrown;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
