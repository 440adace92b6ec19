import { ReeveError, type ReeveErrorOptions } from '@reeve/kit';
import { finalFault, type Fault } from '../backend.ts';
import { isNotConnected } from '../calls/call-failure.ts';
import { networkCode } from './network-code.ts';
import { causeOf, readProviderError, type ProviderError } from './provider-error.ts';
import type { RemoteConfig } from '../targets.ts';

/** Classifies a provider's error. The message quotes the provider's, shortened, and never contains the key. */
export function toFault(thrown: unknown, remote: RemoteConfig, model: string): Fault {
  if (thrown instanceof ReeveError) return { ...finalFault(thrown, false), outage: thrown.reason === 'timeout' };
  const failure = readProviderError(thrown, remote.apiKey);
  if (failure.unreadable) {
    const message = `${remote.provider} sent an answer that cannot be read: ${failure.text}`;
    return finalFault(new ReeveError('malformed_answer', message, { cause: causeOf(thrown) }), false);
  }
  const specific = fromCodeOrMessage(failure, remote);
  if (specific !== undefined) return specific;
  if (failure.status !== undefined) return fromStatus(failure, failure.status, remote, model);
  return fromNetwork(thrown, failure, remote);
}

/** Classifies by the provider's error code, type or message, where they are more precise than the status. */
function fromCodeOrMessage(failure: ProviderError, { provider }: RemoteConfig): Fault | undefined {
  const { status, text } = failure;
  const description = describe(provider, failure);
  // The message counts only for errors about the request (4xx), not for failures of the server.
  const refused = status === undefined || status < 500;
  if (hasCode(failure, /^(context_length_exceeded|exceed_context_size_error|request_too_large)$/) || status === 413)
    return tooLong(description);
  if (hasCode(failure, /^(content_filter|content_policy_violation|invalid_prompt)$/))
    return contentRefused(description);
  if (refused && status !== 429 && TOO_LONG.test(text)) return tooLong(description);
  if (status === 400 && CONTENT_REFUSED.test(text)) return contentRefused(description);
  if (hasCode(failure, /overloaded|^UNAVAILABLE$/i) || status === 503 || status === 529) {
    const error = new ReeveError('provider_overloaded', description, retryAfterOf(failure));
    return { error, retryable: true, unprocessed: true, outage: true };
  }
  return undefined;
}

function fromStatus(failure: ProviderError, status: number, remote: RemoteConfig, model: string): Fault {
  const { provider, keyVariable, apiKey } = remote;
  const description = describe(provider, failure);
  if (status === 401 || status === 403 || (status === 400 && /\bAPI key\b/i.test(failure.text))) {
    const hint =
      apiKey === undefined ? `Set ${keyVariable} to a key of that server` : `Check the key in ${keyVariable}`;
    return finalFault(new ReeveError('provider_key_refused', `${description} ${hint}.`), true);
  }
  if (status === 404 || hasCode(failure, /^model_not_found$/)) {
    const hint = 'Check the name of the model (the agent’s, or LLM_MODEL) and LLM_BASE_URL';
    const message = `${provider} has no model ${JSON.stringify(model)} (${description}) ${hint}.`;
    return finalFault(new ReeveError('invalid_request', message), true);
  }
  if (status === 429) {
    // An exhausted quota has the same status, but waiting does not help.
    const retryable = !hasCode(failure, /^insufficient_quota$/);
    const error = new ReeveError('rate_limited', description, retryAfterOf(failure));
    return { error, retryable, unprocessed: true, outage: false };
  }
  if (status >= 500) {
    const error = new ReeveError('upstream_error', description, retryAfterOf(failure));
    // A gateway's timeout (502, 504) leaves open whether the server behind it processed the request.
    return { error, retryable: true, unprocessed: status !== 502 && status !== 504, outage: true };
  }
  const reason = status === 400 || status === 422 ? 'invalid_request' : 'upstream_error';
  return finalFault(new ReeveError(reason, description), true);
}

function fromNetwork(thrown: unknown, failure: ProviderError, { provider, baseUrl }: RemoteConfig): Fault {
  const cause = causeOf(thrown);
  const code = networkCode(thrown);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    const error = new ReeveError('timeout', `${provider} sent no answer in time`, { cause });
    return { ...finalFault(error, false), outage: true };
  }
  if (code !== undefined && isNotConnected(code)) {
    const message = `${provider} cannot be reached at ${new URL(baseUrl).origin} (${code}). Check the network and LLM_BASE_URL.`;
    const error = new ReeveError('upstream_error', message, { cause });
    return { error, retryable: true, unprocessed: true, outage: true };
  }
  if (code !== undefined && CUT.has(code)) {
    const message = `${provider} cut the connection before its answer was finished (${code})`;
    return finalFault(new ReeveError('malformed_answer', message, { cause }), false);
  }
  const error = new ReeveError('upstream_error', `${provider} failed: ${failure.text}`, { cause });
  return { ...finalFault(error, false), outage: hasCode(failure, /^(server_error|internal_server_error)$/) };
}

function tooLong(description: string): Fault {
  return finalFault(new ReeveError('context_too_long', description), true);
}

function contentRefused(description: string): Fault {
  return finalFault(new ReeveError('content_refused', description), true);
}

function describe(provider: string, { status, text }: ProviderError): string {
  return status === undefined ? `${provider} failed: ${text}` : `${provider} answered ${status}: ${text}`;
}

function hasCode({ codes }: ProviderError, pattern: RegExp): boolean {
  return codes.some((code) => pattern.test(code));
}

function retryAfterOf({ retryAfterMs }: ProviderError): ReeveErrorOptions {
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

// Anthropic, Gemini, OpenAI's Responses, vLLM, llama.cpp, Ollama, in this order.
const TOO_LONG =
  /prompt is too long|exceed context limit|token count.*exceeds the maximum|exceeds the context window|maximum context length|exceeds the available context|exceeds (?:the|maximum) context length/i;
const CONTENT_REFUSED = /content filtering policy|content management policy|safety system|usage polic/i;

const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
