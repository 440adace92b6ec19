import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createMcpHandler, McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** An MCP server on 127.0.0.1, made with the official SDK, for tests. */
export interface TestMcpServer extends AsyncDisposable {
  readonly url: string;
  /** What each request came with. */
  readonly seen: { readonly method: string; readonly headers: Headers; readonly message: unknown }[];
  /** Answers every request with this status instead, until it is undefined again. */
  broken: number | undefined;
  /** Tools that it offers beside its own. */
  readonly more: string[];
  /** Sessions that it knows, where it speaks a revision that has some. */
  readonly sessions: Map<string, WebStandardStreamableHTTPServerTransport>;
}

/** `legacy`: it speaks 2025-11-25 only, with sessions and streamed answers; else 2026-07-28. */
export async function startMcpServer({ legacy = false } = {}): Promise<TestMcpServer> {
  const more: string[] = [];
  const handler = createMcpHandler(() => serverWith(more), { legacy: 'reject' });
  const sessions: TestMcpServer['sessions'] = new Map();
  const test = { url: '', seen: [] as TestMcpServer['seen'], more, broken: undefined as number | undefined, sessions };
  const server = serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const { method, headers } = request;
      const message: unknown = method === 'POST' ? await request.clone().json() : undefined;
      test.seen.push({ method, headers, message });
      if (test.broken !== undefined) return new Response('broken', { status: test.broken });
      return legacy ? answerInSession(request, sessions, () => serverWith(more)) : handler.fetch(request);
    },
  });
  await once(server, 'listening');
  return Object.assign(test, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    [Symbol.asyncDispose]: async () => {
      await handler.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function answerInSession(
  request: Request,
  sessions: TestMcpServer['sessions'],
  create: () => McpServer,
): Promise<Response> {
  const id = request.headers.get('mcp-session-id');
  const known = id === null ? undefined : sessions.get(id);
  if (id !== null && known === undefined) return new Response('Session not found', { status: 404 });
  if (known !== undefined) return known.handleRequest(request);
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (made) => void sessions.set(made, transport),
    onsessionclosed: (closed) => void sessions.delete(closed),
  });
  await create().connect(transport);
  return transport.handleRequest(request);
}

/** A picture of one dot, 69 bytes. */
export const DRAWING = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADElEQVR42mNg+M9QDwADgQGA8r3m2QAAAABJRU5ErkJggg==',
  'base64',
);

/** The tenth of a second of silence. */
export const SOUND = soundOf(Buffer.alloc(800, 128));

/** Samples of 8 bits, 8,000 a second, as WAV. */
function soundOf(samples: Buffer): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000, 28);
  head.writeUInt16LE(1, 32);
  head.writeUInt16LE(8, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
}

/** The server itself, without a way to it. */
export function serverWith(more: readonly string[]): McpServer {
  const server = new McpServer({ name: 'test-server', version: '7.0.0' });
  const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });
  server.registerTool(
    'read.thing',
    {
      description: 'Reads a thing.',
      inputSchema: z.object({ key: z.string() }),
      annotations: { readOnlyHint: true },
    },
    ({ key }) => text(`the thing ${key}`),
  );
  server.registerTool(
    'put',
    { description: 'Puts.', inputSchema: z.object({ value: z.int() }), annotations: { idempotentHint: true } },
    ({ value }) => ({ ...text('put'), structuredContent: { value } }),
  );
  server.registerTool('fail', { description: 'Fails.', inputSchema: z.object({}) }, () => ({
    ...text('no luck'),
    isError: true,
  }));
  server.registerTool('draw', { description: 'Draws.', inputSchema: z.object({}) }, () => ({
    content: [
      { type: 'text' as const, text: 'here' },
      { type: 'image' as const, mimeType: 'image/png', data: DRAWING.toString('base64') },
      { type: 'audio' as const, mimeType: 'audio/wav', data: SOUND.toString('base64') },
      {
        type: 'resource' as const,
        resource: { uri: 'file:///home/ada/../plan.pdf?v=2', blob: Buffer.from('%PDF-1.4 plan').toString('base64') },
      },
      { type: 'resource_link' as const, uri: 'https://example.com/more', name: 'more' },
    ],
  }));
  server.registerTool('flood', { description: 'Floods.', inputSchema: z.object({}) }, () =>
    text('x'.repeat(9 * 1024 * 1024)),
  );
  server.registerTool(
    'wait',
    { description: 'Waits.', inputSchema: z.object({ ms: z.int() }) },
    async ({ ms }, { mcpReq: { signal } }) => {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener('abort', () => resolve(clearTimeout(timer)));
      });
      return text('waited');
    },
  );
  for (const name of more)
    server.registerTool(name, { description: name, inputSchema: z.object({}) }, () => text(name));
  return server;
}
