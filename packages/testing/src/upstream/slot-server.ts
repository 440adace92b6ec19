import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SlotServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1`. */
  readonly url: string;
  /** Calls that it serves at once; the others wait in its own queue, without headers, as llama.cpp has it. */
  slots: number;
  /** How long it serves a call. */
  callMs: number;
  /** Whether it tells its slots at `/props`. */
  tellsSlots: boolean;
  /** Whether it refuses a call beyond its slots with 429 instead of queueing it. */
  refuses: boolean;
  /** How often `/props` was asked. */
  readonly asked: number;
  /** Calls that were served to their end. */
  readonly served: number;
  /** Calls in it now, and the most that were in it at a time since it was last set. */
  readonly inFlight: number;
  most: number;
}

/** A model server of so many slots that speaks Chat Completions: each answer is ten tokens. */
export async function startSlotServer({
  port = 0,
  ...options
}: Partial<Pick<SlotServer, 'slots' | 'callMs' | 'tellsSlots' | 'refuses'>> & {
  readonly port?: number;
} = {}): Promise<SlotServer> {
  const queue: ServerResponse[] = [];
  let busy = 0;
  let asked = 0;
  let served = 0;
  let inFlight = 0;

  function serve(): void {
    for (; busy < slotServer.slots && queue.length > 0; busy += 1) {
      const response = queue.shift()!;
      const free = () => {
        clearTimeout(timer);
        busy -= 1;
        serve();
      };
      const timer = setTimeout(() => {
        response.off('close', free);
        served += 1;
        response.end(ANSWER);
        free();
      }, slotServer.callMs);
      response.once('close', free);
    }
  }
  const server = createServer((message, response) => {
    message.resume();
    message.on('end', () => {
      if (message.url === '/props') {
        asked += 1;
        response.writeHead(slotServer.tellsSlots ? 200 : 404, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify(slotServer.tellsSlots ? { total_slots: slotServer.slots } : {}));
      }
      if (message.url !== '/v1/chat/completions') return void response.writeHead(404).end();
      if (slotServer.refuses && inFlight >= slotServer.slots) {
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '20' });
        return void response.end(JSON.stringify({ error: { message: 'too many requests' } }));
      }
      inFlight += 1;
      slotServer.most = Math.max(slotServer.most, inFlight);
      response.once('close', () => {
        inFlight -= 1;
        const index = queue.indexOf(response);
        if (index >= 0) queue.splice(index, 1);
      });
      response.setHeader('content-type', 'text/event-stream');
      queue.push(response);
      serve();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const slotServer: SlotServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    slots: 1,
    callMs: 20,
    tellsSlots: false,
    refuses: false,
    most: 0,
    ...options,
    get asked() {
      return asked;
    },
    get served() {
      return served;
    },
    get inFlight() {
      return inFlight;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return slotServer;
}

const chunk = (choice: object, more: object = {}) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'm', choices: [choice], ...more })}\n\n`;
const ANSWER = [
  chunk({ index: 0, delta: { role: 'assistant', content: 'An answer.' } }),
  chunk(
    { index: 0, delta: {}, finish_reason: 'stop' },
    { usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 } },
  ),
  'data: [DONE]\n\n',
].join('');
