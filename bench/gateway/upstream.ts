// node upstream.ts: a server that speaks OpenAI's Chat Completions, as fast as Node can. Its first line of output is its URL.
//
// The model's name says what the answer is like: fake-<chunks>-<ms between them>, and hold-… begins to answer once POST /release
// came. GET /open counts the answers that are not finished and whose client is still there.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A word of each answer. */
const WORD = 'Lorem ipsum dolor sit amet ';
const USAGE = { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 };

const open = new Set<ServerResponse>();
let released = Promise.withResolvers<void>();

const server = createServer((request, response) => {
  void answer(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/v1/open') return void response.end(String(open.size));
  if (request.url === '/v1/release') {
    released.resolve();
    released = Promise.withResolvers();
    return void response.end();
  }
  open.add(response);
  response.on('close', () => open.delete(response));
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const { model, stream } = JSON.parse(Buffer.concat(parts).toString()) as { model: string; stream?: boolean };
  const [kind, chunks = '1', gapMs = '0'] = model.split('-');
  if (kind === 'hold') await released.promise;
  if (stream === true) await sendChunks(response, model, Number(chunks), Number(gapMs));
  else {
    if (gapMs !== '0') await sleep(Number(chunks) * Number(gapMs));
    const message = { role: 'assistant', content: WORD.repeat(Number(chunks)) };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, choices, usage: USAGE }),
    );
  }
}

async function sendChunks(response: ServerResponse, model: string, chunks: number, gapMs: number): Promise<void> {
  const base = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model };
  const line = (value: object) => `data: ${JSON.stringify({ ...base, ...value })}\n\n`;
  const delta = (content: object, finish_reason: string | null = null) =>
    line({ choices: [{ index: 0, delta: content, finish_reason }] });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(delta({ role: 'assistant', content: '' }));
  const word = delta({ content: WORD });
  for (let sent = 0; sent < chunks && !response.destroyed; sent += 1) {
    response.write(word);
    if (gapMs > 0) await sleep(gapMs);
  }
  response.end(`${delta({}, 'stop')}${line({ choices: [], usage: USAGE })}data: [DONE]\n\n`);
}
