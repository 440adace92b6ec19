import { openAiError } from '@reeve/contract';
import { failureTold, type ServerEvent } from '@reeve/http';
import type { Log } from '@reeve/kit';

/** The events of a stream in OpenAI’s manner: what fails once it has begun is told as its last event. */
export async function* inBand(chunks: AsyncIterable<unknown>, log: Log): AsyncGenerator<ServerEvent, void> {
  try {
    for await (const data of chunks) yield { data };
  } catch (thrown) {
    yield failed(thrown, log);
  }
}

/** The same of what comes as events already. */
export async function* inBandEvents(events: AsyncIterable<ServerEvent>, log: Log): AsyncGenerator<ServerEvent, void> {
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
