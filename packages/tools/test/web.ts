// For tests: a web server on loopback, and a way to it through the guard.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOutgoing } from '@reeve/http';
import { createQuota } from '@reeve/sandbox';
import type { ToolContext } from '../src/tool.ts';
import type { Web } from '../src/web.ts';

/** What a test server was asked. */
export interface Seen {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A server that counts what it is asked; `web` reaches it by any name below "example", and as "inside.example" an address that is not allowed. */
export async function startTestWeb(answer: (request: Seen, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { method = '', headers, url: path = '' } = request;
      const one = { method, headers, path, body, host: headers.host?.split(':')[0] ?? '' };
      seen.push(one);
      answer(one, response);
    });
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const resolve = async (host: string) => [
    { address: host === 'inside.example' ? '127.0.0.2' : '127.0.0.1', family: 4 },
  ];
  const web: Web = {
    outgoing: createOutgoing({ allowPrivate: ['127.0.0.1'], resolve }),
    configured: createOutgoing({ allowPrivate: true, resolve }),
  };
  return {
    seen,
    web,
    port,
    at: (path: string, host = 'a.example') => `http://${host}:${port}${path}`,
    async [Symbol.asyncDispose]() {
      await web.outgoing[Symbol.asyncDispose]();
      await web.configured[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A context for tools that touch neither files nor memory. */
export function contextOf(signal = new AbortController().signal): ToolContext {
  const nothing = () => Promise.reject(new Error('not used'));
  return {
    tenantId: 'acme',
    sessionId: 's1',
    runId: null,
    idempotencyKey: 'k',
    workspace: '/nonexistent',
    quota: createQuota({ workspaceQuotaMb: 2048 }),
    egressOf: async () => undefined,
    signal,
    now: () => new Date(),
    memory: { remember: nothing, recall: nothing, forget: nothing },
  };
}
