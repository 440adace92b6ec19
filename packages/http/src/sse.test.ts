import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { silentLog } from '@reeve/kit';
import { encodeEvents, EventStream, type ServerEvent } from './sse.ts';

const never = new AbortController().signal;
const decoder = new TextDecoder();
const encode = (events: (signal: AbortSignal) => AsyncIterable<ServerEvent>, stopping = never) =>
  encodeEvents(new EventStream(events), stopping, silentLog);
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += decoder.decode(chunk);
  return text;
}

describe('a stream of events', () => {
  it('frames each event by its id and one line of data, and ends with [DONE]', async () => {
    const text = await textOf(
      encode(async function* () {
        yield { id: 1, data: { text: 'two\nlines\r\n\u2028' } };
        yield { id: 2, data: 'data: [DONE]' };
      }),
    );
    assert.equal(
      text,
      ': open\n\nid: 1\ndata: {"text":"two\\nlines\\r\\n\u2028"}\n\nid: 2\ndata: "data: [DONE]"\n\ndata: [DONE]\n\n',
    );
  });

  it('tells a reader where it is by an id without data, which is no event', async () => {
    const text = await textOf(
      encode(async function* () {
        yield { id: '7-0' };
        yield { id: '7-1', data: null };
      }),
    );
    assert.equal(text, ': open\n\nid: 7-0\n\nid: 7-1\ndata: null\n\ndata: [DONE]\n\n');
  });

  it('names events and leaves out ids where the protocol wants it so', async () => {
    const text = await textOf(
      encode(async function* () {
        yield { name: 'thing.made', data: 1 };
        yield { data: 2 };
      }),
    );
    assert.equal(text, ': open\n\nevent: thing.made\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n');
  });

  it('begins nothing before it is read', async () => {
    let begun = false;
    const stream = encode(async function* () {
      begun = true;
      yield { id: 1, data: 1 };
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(begun, false);
    await stream.cancel();
    assert.equal(begun, false);
  });

  it('keeps the connection open by a comment every 15 s, and by one only where nobody reads', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const stream = encode((signal) => ({
        [Symbol.asyncIterator]: () => ({
          next: () => untilAborted(signal).then(() => ({ done: true, value: undefined })),
        }),
      }));
      const reader = stream.getReader();
      const next = async () => decoder.decode((await reader.read()).value);
      assert.equal(await next(), ': open\n\n');
      const waiting = next();
      mock.timers.tick(14_999);
      mock.timers.tick(1);
      assert.equal(await waiting, ': keep-alive\n\n');
      mock.timers.tick(60_000);
      assert.equal(await next(), ': keep-alive\n\n');
      const later = next();
      mock.timers.tick(15_000);
      assert.equal(await later, ': keep-alive\n\n');
      await reader.cancel();
    } finally {
      mock.timers.reset();
    }
  });

  it('stops its events when the reader goes away', async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<boolean>();
    const stream = encode(async function* (signal) {
      try {
        yield { id: 1, data: 1 };
        await untilAborted(signal);
      } finally {
        resolve(signal.aborted);
      }
    });
    const reader = stream.getReader();
    await reader.read();
    await reader.read();
    const waiting = reader.read();
    await reader.cancel();
    assert.equal(await stopped, true);
    assert.equal((await waiting).done, true);
  });

  it('ends without [DONE] when the server stops, so that the reader comes back', async () => {
    const stopping = new AbortController();
    const reading = textOf(
      encode(async function* (signal) {
        yield { id: 1, data: 1 };
        stopping.abort();
        if (!signal.aborted) await untilAborted(signal);
      }, stopping.signal),
    );
    assert.equal(await reading, ': open\n\nid: 1\ndata: 1\n\n');
  });

  it('ends without [DONE] where the events fail', async () => {
    const text = await textOf(
      encode(async function* () {
        yield { id: 1, data: 1 };
        throw new Error('lost');
      }),
    );
    assert.equal(text, ': open\n\nid: 1\ndata: 1\n\n');
  });
});
