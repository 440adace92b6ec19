import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anthropic } from './anthropic.ts';
import { chatCompletions } from './chat-completions.ts';
import { embeddings } from './embeddings.ts';
import { gemini } from './gemini.ts';
import { ollama } from './ollama.ts';
import { responses } from './responses.ts';
import type { Protocol, UpstreamReply, UpstreamRequest } from './reply.ts';
import { isRecord } from '@reeve/kit';

const PROTOCOLS: readonly Protocol[] = [chatCompletions, responses, anthropic, gemini, ollama, embeddings];

export interface FakeUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/v1`: what a provider's base URL is set to. */
  readonly url: string;
  /** What a server is started with to ask it, as an openai-compatible provider with the model `fake`. */
  readonly environment: Readonly<Record<'LLM_PROVIDER' | 'LLM_MODEL' | 'LLM_BASE_URL', string>>;
  /** Every request so far, oldest first. */
  readonly requests: readonly UpstreamRequest[];
  /** Answers that are not finished and whose client is still there. */
  readonly open: number;
  /** Adds replies, used in order before anything that `respond` says. */
  script(replies: readonly UpstreamReply[]): void;
  /** Answers whatever is not scripted. */
  respond(answer: (request: UpstreamRequest) => UpstreamReply): void;
  /** Forgets requests, script and responder, and drops open connections. */
  reset(): void;
}

/**
 * Starts a server on the loopback interface that speaks the streaming wire protocols of OpenAI (Chat
 * Completions, Responses), Anthropic and Gemini and their embeddings, by the path that is asked for. A request beyond the script
 * is answered 400, so that a test that counted wrong fails at once.
 */
export async function startFakeUpstream(): Promise<FakeUpstream> {
  const requests: UpstreamRequest[] = [];
  const script: UpstreamReply[] = [];
  const streaming = new Set<ServerResponse>();
  let responder: ((request: UpstreamRequest) => UpstreamReply) | undefined;
  let ids = 0;
  const nextId = (prefix: string) => `${prefix}_${++ids}`;

  const server = createServer((message, response) => {
    streaming.add(response);
    response.on('close', () => streaming.delete(response));
    void answer(message, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = message.url ?? '/';
    const protocol = PROTOCOLS.find(({ matches }) => matches(path.split('?')[0]!));
    const body = await readJson(message);
    if (protocol === undefined || body === undefined) {
      sendJson(response, protocol ? 400 : 404, {
        error: { message: protocol ? 'the body is not a JSON object' : `no such path: ${path}` },
      });
      return;
    }
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const request = {
      method: message.method ?? '',
      path,
      headers,
      body,
      protocol: protocol.name,
      ...protocol.read(path, body),
    };
    requests.push(request);
    const reply = script.shift() ??
      responder?.(request) ?? { status: 400, message: 'the fake upstream has no reply scripted' };
    await send(response, protocol, reply, request);
  }

  async function send(
    response: ServerResponse,
    protocol: Protocol,
    reply: UpstreamReply,
    request: UpstreamRequest,
  ): Promise<void> {
    if (reply.delayMs !== undefined) await pause(reply.delayMs, response);
    if (reply.fault === 'silent' || response.destroyed) return;
    const status = reply.status ?? Number(/^http-(\d{3})$/.exec(reply.fault ?? '')?.[1] ?? 200);
    if (status !== 200) {
      sendJson(response, status, protocol.error(status, reply.message ?? `fake ${status}`, reply), reply.headers);
      return;
    }
    const whole = request.body['stream'] === true ? undefined : protocol.whole?.(reply, request, nextId);
    const chunks = whole === undefined ? protocol.chunks(reply, request, nextId) : halves(JSON.stringify(whole));
    const isJson = whole !== undefined || protocol.name === 'embeddings';
    response.writeHead(200, { 'content-type': isJson ? 'application/json' : 'text/event-stream', ...reply.headers });
    const body = chunks.length - (whole === undefined ? protocol.closing : 1);
    const half = Math.ceil(body / 2);
    switch (reply.fault) {
      case 'slow-start':
        while (!response.destroyed) {
          await write(response, [protocol.name === 'ollama' ? '\n' : ': still there\n\n']);
          await pause(20, response);
        }
        return;
      case 'cut':
        await write(response, chunks.slice(0, half));
        response.socket?.destroy();
        return;
      case 'hang':
        await write(response, chunks.slice(0, half));
        return;
      case 'malformed':
        await write(response, [...chunks.slice(0, half), 'data: {"broken": tru\n\n', ...chunks.slice(half)]);
        break;
      case 'error':
        if (whole !== undefined) {
          await write(response, [JSON.stringify(protocol.error(500, reply.message ?? 'fake failure', reply))]);
          break;
        }
        await write(response, [
          ...chunks.slice(0, half),
          protocol.errorChunk(reply.message ?? 'fake failure in mid-stream', reply.code),
        ]);
        break;
      case 'end-early':
        await write(response, chunks.slice(0, body));
        break;
      default:
        await write(response, chunks, reply.pauseMs);
    }
    response.end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    url,
    environment: { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'fake', LLM_BASE_URL: url },
    requests,
    get open() {
      return streaming.size;
    },
    script: (replies) => void script.push(...replies),
    respond: (answerWith) => {
      responder = answerWith;
    },
    reset: () => {
      requests.length = 0;
      script.length = 0;
      responder = undefined;
      server.closeAllConnections();
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

async function readJson(message: IncomingMessage): Promise<Record<string, unknown> | undefined> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  try {
    const value: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

/** Writes each chunk by itself, so that a client meets them one by one. */
async function write(response: ServerResponse, chunks: readonly string[], pauseMs = 0): Promise<void> {
  for (const chunk of chunks) {
    if (response.destroyed) return;
    await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
    if (pauseMs > 0) await pause(pauseMs, response);
  }
}

function pause(ms: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    response.once('close', done);
  });
}
