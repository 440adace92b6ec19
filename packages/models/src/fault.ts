import { ReeveError, type ReeveErrorOptions } from '@reeve/kit';
import { finalFault, type Fault } from './backend.ts';
import { isNotConnected } from './call-failure.ts';
import { causeOf, networkCode, readFailure, type Failure } from './failure.ts';
import type { RemoteConfig } from './remote.ts';

/** What a provider's failure means. The message carries the provider's own words, shortened, and never the key. */
export function toFault(thrown: unknown, remote: RemoteConfig, model: string): Fault {
  if (thrown instanceof ReeveError) return { ...finalFault(thrown, false), outage: thrown.reason === 'timeout' };
  const failure = readFailure(thrown, remote.apiKey);
  if (failure.unreadable) {
    const message = `${remote.provider} sent an answer that cannot be read: ${failure.said}`;
    return finalFault(new ReeveError('malformed_answer', message, { cause: causeOf(thrown) }), false);
  }
  const said = fromWords(failure, remote);
  if (said !== undefined) return said;
  if (failure.status !== undefined) return fromStatus(failure, failure.status, remote, model);
  return fromNetwork(thrown, failure, remote);
}

/** What the provider's own code, type or words say more exactly than a status. */
function fromWords(failure: Failure, { provider }: RemoteConfig): Fault | undefined {
  const { status, said } = failure;
  const answer = answerOf(provider, failure);
  // Its words count only in an answer about the request, not in a failure of the server.
  const refused = status === undefined || status < 500;
  if (hasCode(failure, /^(context_length_exceeded|exceed_context_size_error|request_too_large)$/) || status === 413)
    return tooLong(answer);
  if (hasCode(failure, /^(content_filter|content_policy_violation|invalid_prompt)$/)) return contentRefused(answer);
  if (refused && status !== 429 && TOO_LONG.test(said)) return tooLong(answer);
  if (status === 400 && CONTENT_REFUSED.test(said)) return contentRefused(answer);
  if (hasCode(failure, /overloaded|^UNAVAILABLE$/i) || status === 503 || status === 529) {
    const error = new ReeveError('provider_overloaded', answer, waitOf(failure));
    return { error, repeatable: true, untouched: true, outage: true };
  }
  return undefined;
}

function fromStatus(failure: Failure, status: number, remote: RemoteConfig, model: string): Fault {
  const { provider, keyVariable, apiKey } = remote;
  const answer = answerOf(provider, failure);
  if (status === 401 || status === 403 || (status === 400 && /\bAPI key\b/i.test(failure.said))) {
    const hint =
      apiKey === undefined ? `Set ${keyVariable} to a key of that server` : `Check the key in ${keyVariable}`;
    return finalFault(new ReeveError('provider_key_refused', `${answer} ${hint}.`), true);
  }
  if (status === 404 || hasCode(failure, /^model_not_found$/)) {
    const hint = 'Check the name of the model (the agent’s, or LLM_MODEL) and LLM_BASE_URL';
    const message = `${provider} has no model ${JSON.stringify(model)} (${answer}) ${hint}.`;
    return finalFault(new ReeveError('invalid_request', message), true);
  }
  if (status === 429) {
    // An exhausted quota has the same status, but waiting does not refill it.
    const repeatable = !hasCode(failure, /^insufficient_quota$/);
    const error = new ReeveError('rate_limited', answer, waitOf(failure));
    return { error, repeatable, untouched: true, outage: false };
  }
  if (status >= 500) {
    const error = new ReeveError('upstream_error', answer, waitOf(failure));
    // A proxy that gave up waiting does not know what the server behind it did.
    return { error, repeatable: true, untouched: status !== 502 && status !== 504, outage: true };
  }
  const reason = status === 400 || status === 422 ? 'invalid_request' : 'upstream_error';
  return finalFault(new ReeveError(reason, answer), true);
}

function fromNetwork(thrown: unknown, failure: Failure, { provider, baseUrl }: RemoteConfig): Fault {
  const cause = causeOf(thrown);
  const code = networkCode(thrown);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    const error = new ReeveError('timeout', `${provider} sent no answer in time`, { cause });
    return { ...finalFault(error, false), outage: true };
  }
  if (code !== undefined && isNotConnected(code)) {
    const message = `${provider} cannot be reached at ${new URL(baseUrl).origin} (${code}). Check the network and LLM_BASE_URL.`;
    const error = new ReeveError('upstream_error', message, { cause });
    return { error, repeatable: true, untouched: true, outage: true };
  }
  if (code !== undefined && CUT.has(code)) {
    const message = `${provider} cut the connection before its answer was finished (${code})`;
    return finalFault(new ReeveError('malformed_answer', message, { cause }), false);
  }
  const error = new ReeveError('upstream_error', `${provider} failed: ${failure.said}`, { cause });
  return { ...finalFault(error, false), outage: hasCode(failure, /^(server_error|internal_server_error)$/) };
}

function tooLong(answer: string): Fault {
  return finalFault(new ReeveError('context_too_long', answer), true);
}

function contentRefused(answer: string): Fault {
  return finalFault(new ReeveError('content_refused', answer), true);
}

function answerOf(provider: string, { status, said }: Failure): string {
  return status === undefined ? `${provider} failed: ${said}` : `${provider} answered ${status}: ${said}`;
}

function hasCode({ codes }: Failure, pattern: RegExp): boolean {
  return codes.some((code) => pattern.test(code));
}

function waitOf({ retryAfterMs }: Failure): ReeveErrorOptions {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

// Anthropic, Gemini, OpenAI's Responses, vLLM, llama.cpp, in this order.
const TOO_LONG =
  /prompt is too long|exceed context limit|token count.*exceeds the maximum|exceeds the context window|maximum context length|exceeds the available context/i;
const CONTENT_REFUSED = /content filtering policy|content management policy|safety system|usage polic/i;

const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
