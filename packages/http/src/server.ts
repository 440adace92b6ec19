import { createServer, type IncomingMessage, type Server } from 'node:http';
import { isIP, type AddressInfo, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ReeveError } from '@reeve/kit';
import type { App } from './app.ts';
import { malformedRequest } from './failure.ts';
import { guardServer, SERVER_LIMITS, type ServerLimits } from './server-limits.ts';
import { NOT_HTTP, startSockets } from './upgrade.ts';

export interface HttpServer extends AsyncDisposable {
  /** Origin under which it answers. */
  readonly url: string;
}

/**
 * Listens; `port` 0 takes a free one. Disposing stops accepting, cuts connections that have sent nothing, closes
 * WebSockets with 1012, waits for open requests for 5 s, then cuts them.
 */
export async function startHttpServer(
  app: Pick<App, 'fetch' | 'hasSocket' | 'upgrade'>,
  { host, port }: { host: string; port: number },
  limits: ServerLimits = SERVER_LIMITS,
): Promise<HttpServer> {
  const answer = getRequestListener((request, { incoming, outgoing }) => app.fetch(request, { incoming, outgoing }), {
    overrideGlobalObjects: false,
    errorHandler: () => malformedRequest(NOT_HTTP),
  });
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.checkMs,
      maxHeaderSize: limits.headerBytes,
      // Answered by the application, in the shape of the contract.
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => asksForSocket(app, request),
    },
    (request, response) => {
      if (guard(request, response)) void answer(request, response);
    },
  );
  const guard = guardServer(server, limits);
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  const sockets = startSockets(server, app);
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
      // To Node they are not idle. Browsers and pools of clients open some ahead.
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
      sockets.close();
      const cut = setTimeout(() => {
        server.closeAllConnections();
        sockets.cut();
      }, 5_000);
      await closed;
      clearTimeout(cut);
    },
  };
}

/** All else that carries an `Upgrade` header, such as `h2c`, is an ordinary request. */
function asksForSocket(app: Pick<App, 'hasSocket'>, { method, url = '', headers }: IncomingMessage): boolean {
  return (
    method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && app.hasSocket(url.split('?', 1)[0] ?? '')
  );
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
