import { createServer, type Server } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { REASONS, type ErrorBody } from '@reeve/contract';
import { contextFromHeaders, ReeveError } from '@reeve/kit';
import type { App } from './app.ts';

export interface HttpServer extends AsyncDisposable {
  /** Origin under which it answers. */
  readonly url: string;
}

/** Listens; `port` 0 takes a free one. Disposing stops accepting, waits for open requests for 5 s, then cuts them. */
export async function startHttpServer(
  app: Pick<App, 'fetch'>,
  { host, port }: { host: string; port: number },
): Promise<HttpServer> {
  const answer = getRequestListener((request) => app.fetch(request), {
    overrideGlobalObjects: false,
    errorHandler: refuse,
  });
  const server = createServer(
    { headersTimeout: 15_000, requestTimeout: 60_000, keepAliveTimeout: 65_000, maxHeaderSize: 32 * 1024 },
    (request, response) => void answer(request, response),
  );
  // A connection that is kept alive would hold up the stop once its answer is out.
  server.on('request', (_, response) =>
    response.once('close', () => server.listening || server.closeIdleConnections()),
  );
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host;
  return {
    url: `http://${shown}:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), 5_000);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Answers what is HTTP but no request that an application could be given, such as one with a malformed Host. */
function refuse(): Response {
  const { requestId, traceId } = contextFromHeaders(() => undefined);
  const body: ErrorBody = {
    error: 'the request line or the Host header is not valid',
    code: 'invalid_request',
    request_id: requestId,
    trace_id: traceId,
    duration_ms: 0,
    service: 'gateway',
  };
  return Response.json(body, {
    status: REASONS.invalid_request.status,
    headers: { 'x-request-id': requestId, 'x-trace-id': traceId },
  });
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use; choose another with --port' : error.message;
      reject(new ReeveError('unavailable', `cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
