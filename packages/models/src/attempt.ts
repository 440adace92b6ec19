import { ReeveError } from '@reeve/kit';
import { costNano } from '@reeve/ledger';
import { cancelled, openAccount, type Books } from './account.ts';
import { finalFault, type Backend, type Fault } from './backend.ts';
import type { ChatCall, ChatPart } from './chat.ts';
import type { ModelRequest } from './model.ts';
import { callUsage, chatTokens } from './tokens.ts';

export interface Attempt extends Books {
  readonly backend: Backend;
  /** With `maxOutputTokens` decided. */
  readonly request: ModelRequest & { readonly maxOutputTokens: number };
  /** The same in the caller's own words, where the backend relays. */
  readonly chat: ChatCall | undefined;
}

/** A failed attempt, and whether part of an answer had been handed on. */
export interface FailedAttempt extends Fault {
  readonly streamed: boolean;
}

/**
 * One attempt, written down before it is sent and settled however it ends: finished, failed, cancelled, or left
 * by its reader. Hands on the parts of the answer and returns nothing, or returns what went wrong.
 * Throws `cancelled`, and what the ledger's `begin` throws.
 */
export async function* attempt(
  options: Attempt,
  signal: AbortSignal,
): AsyncGenerator<ChatPart, FailedAttempt | undefined> {
  const { target, backend, request, chat, price } = options;
  const { maxOutputTokens } = request;
  const isUnseen = chat?.stream === false;
  const account = await openAccount(
    options,
    { inputTokens: chatTokens(request, chat), maxOutputTokens, isUnseen },
    signal,
  );
  if (account instanceof ReeveError) return { ...finalFault(account, true), streamed: false };
  let streamed = false;
  let answered = false;
  try {
    const { onOutput, estimate } = account;
    const ask = { model: target.model, request, chat, onOutput, estimate };
    for await (const part of backend.answer(ask, signal)) {
      if (part.type !== 'finish') {
        streamed = true;
        answered ||= part.type === 'relayed' ? part.answers : part.type !== 'thinking';
        yield part;
      } else if (part.reason === 'content_filter' && !answered && part.rest?.answers !== true) {
        const error = new ReeveError('content_refused', `${target.provider} refused to answer: its content filter`);
        const fault = { ...finalFault(error, false), usage: part.usage };
        await account.fail(fault);
        return { ...fault, streamed };
      } else {
        // Before the reader hears of the end, so that what it looks up then is what was spent.
        await account.finish(part.usage);
        const cost = costNano(price, callUsage(part.usage));
        yield { ...part, ...target, costNano: cost };
        return undefined;
      }
    }
    throw new ReeveError('malformed_answer', `${target.provider} ended its answer before it was finished`);
  } catch (thrown) {
    if (signal.aborted) throw cancelled(signal);
    const fault = backend.explain(thrown, target.model);
    await account.fail(fault);
    return { ...fault, streamed };
  } finally {
    await account.leave(signal.aborted ? 'cancelled' : 'abandoned');
  }
}
