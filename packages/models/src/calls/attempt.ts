import { ReeveError } from '@reeve/kit';
import { costNano } from '@reeve/ledger';
import { cancelled, startAttempt, type AttemptContext } from './attempt-recorder.ts';
import { finalFault, type Backend, type Fault } from '../backend.ts';
import type { ChatCall, ChatPart, ModelRequest, TokenUsage } from '../model.ts';
import { callUsage, chatTokens } from '../tokens.ts';

/** One attempt at a model: its context, and the request to send. */
export interface AttemptOptions extends AttemptContext {
  readonly backend: Backend;
  /** With `maxOutputTokens` resolved. */
  readonly request: ModelRequest & { readonly maxOutputTokens: number };
  /** The original chat completion, where the backend relays it. */
  readonly chat: ChatCall | undefined;
  /** The error of a server that cut the prompt, by what it reports to have read. */
  readonly errorOfCut: (reported: TokenUsage) => ReeveError | undefined;
}

/** A failed attempt, and whether parts of an answer had been yielded before. */
export interface FailedAttempt extends Fault {
  readonly streamed: boolean;
}

/**
 * Makes one attempt. The ledger records it before it is sent and settles it however it ends: finished, failed,
 * cancelled, or abandoned by its reader. Yields the parts of the answer; returns the fault where it failed.
 * Throws `cancelled`, and the errors of the ledger's `begin`.
 */
export async function* attempt(
  options: AttemptOptions,
  signal: AbortSignal,
): AsyncGenerator<ChatPart, FailedAttempt | undefined> {
  const { target, backend, request, chat, price } = options;
  const { maxOutputTokens } = request;
  const isBuffered = chat?.stream === false;
  const recorder = await startAttempt(
    options,
    { inputTokens: chatTokens(request, chat), maxOutputTokens, isBuffered },
    signal,
  );
  if (recorder instanceof ReeveError) return { ...finalFault(recorder, true), streamed: false };
  let streamed = false;
  let answered = false;
  try {
    const { onOutput, estimate } = recorder;
    const sent = { model: target.model, request, chat, onOutput, estimate };
    for await (const part of backend.answer(sent, signal)) {
      if (part.type !== 'finish') {
        streamed = true;
        answered ||= part.type === 'relayed' ? part.answers : part.type !== 'thinking';
        yield part;
        continue;
      }
      const isRefused = part.reason === 'content_filter' && !answered && part.remainder?.answers !== true;
      const error = isRefused
        ? new ReeveError('content_refused', `${target.provider} refused to answer: its content filter`)
        : options.errorOfCut(part.usage);
      if (error !== undefined) {
        const fault = { ...finalFault(error, false), usage: part.usage };
        await recorder.fail(fault);
        return { ...fault, streamed };
      }
      // Settle before the reader sees the end, so that usage read at that moment includes this call.
      await recorder.finish(part.usage);
      const cost = costNano(price, callUsage(part.usage));
      yield { ...part, ...target, costNano: cost };
      return undefined;
    }
    throw new ReeveError('malformed_answer', `${target.provider} ended its answer before it was finished`);
  } catch (thrown) {
    if (signal.aborted) throw cancelled(signal);
    const fault = backend.explain(thrown, target.model);
    await recorder.fail(fault);
    return { ...fault, streamed };
  } finally {
    await recorder.stop(signal.aborted ? 'cancelled' : 'abandoned');
  }
}
