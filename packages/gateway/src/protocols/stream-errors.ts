import { openAiError } from '@reeve/contract';
import { failureTold, type ServerEvent } from '@reeve/http';
import type { Log } from '@reeve/kit';

/** Turns chunks into stream events. A failure after the stream has begun becomes its last event, in OpenAI’s format. */
export async function* withErrorEvent(chunks: AsyncIterable<unknown>, log: Log): AsyncGenerator<ServerEvent, void> {
  try {
    for await (const data of chunks) yield { data };
  } catch (thrown) {
    yield failed(thrown, log);
  }
}

/** Passes events through. A failure becomes the last event, as in `withErrorEvent`. */
export async function* passErrorsAsEvents(
  events: AsyncIterable<ServerEvent>,
  log: Log,
): AsyncGenerator<ServerEvent, void> {
  try {
    yield* events;
  } catch (thrown) {
    yield failed(thrown, log);
  }
}

function failed(thrown: unknown, log: Log): ServerEvent {
  const failure = failureTold(thrown);
  if (failure.code === 'internal') log.error({ err: thrown }, 'a stream failed');
  return { data: openAiError(failure) };
}
