import { createSecureServer, type Http2Session, type ServerOptions } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DescService } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextValues, type ConnectRouter } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Health } from '@reeve/contract/proto/grpc/health/v1/health';
import { ReeveError } from '@reeve/kit';
import { createAdmission, type AdmitOptions } from './admit.ts';
import { connectionKey } from './caller.ts';
import { createHealth } from './health.ts';
import { createPlainServer } from './plain.ts';
import { reflectionOf } from './reflection.ts';
import type { Tls } from './tls.ts';

/*
 * listening ──dispose──► draining (health says NOT_SERVING, nothing new is accepted) ──all calls ended, or 5 s──► closed
 *
 * Calls that are still open after those seconds end with `shutting_down`.
 */

/** A service with its implementation. */
export interface RpcService {
  readonly service: DescService;
  readonly routes: (router: ConnectRouter) => void;
}

export interface RpcServerOptions extends AdmitOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Only whoever shows a certificate of the same authority is let in. Without it the server speaks without TLS. */
  readonly tls: Tls | undefined;
  readonly services: readonly RpcService[];
}

export interface RpcServer extends AsyncDisposable {
  /** Origin under which it answers. */
  readonly url: string;
}

/** Bytes that one message may have. */
export const MESSAGE_LIMIT = 8 * 1024 * 1024;

const GRACE_MS = 5_000;
/** What a call may take to end once it is told to. */
const CUT_MS = 1_000;
const CONNECTIONS = 1_000;
const OPTIONS: ServerOptions = {
  settings: { maxConcurrentStreams: 256, maxHeaderListSize: 32 * 1024 },
  // Of connections that are gone without a word.
  unknownProtocolTimeout: 10_000,
};

/**
 * Serves services by gRPC, gRPC-Web and Connect on one port, with gRPC's health checks and reflection. Throws `unavailable`
 * where it cannot listen.
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { host, port, tls, services, log } = options;
  const health = createHealth(services.map(({ service }) => service.typeName));
  const closing = new AbortController();
  const handler = connectNodeAdapter({
    ...callOptions(options),
    shutdownSignal: closing.signal,
    routes(router) {
      for (const { routes } of services) routes(router);
      health.routes(router);
      reflectionOf([...services.map(({ service }) => service), Health])(router);
    },
    contextValues: (request) =>
      createContextValues().set(connectionKey, {
        authority: 'authority' in request ? request.authority : request.headers.host,
        isPeer: (request.socket as TLSSocket).authorized === true,
        remoteAddress: request.socket.remoteAddress,
      }),
  });
  const answer: typeof handler = (request, response) => {
    if (request.httpVersionMajor === 1) older.count(request.socket, response);
    try {
      handler(request, response);
    } catch {
      // What names no host, or one that cannot be.
      response.writeHead(400);
      response.end();
    }
  };
  const { server, http2 } = tls === undefined ? createPlainServer(OPTIONS, answer) : createTlsServer(tls, answer);
  server.maxConnections = CONNECTIONS;
  const older = createOlder();
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const sessions = new Set<Http2Session>();
  http2.on('session', (session: Http2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', (error) => log.debug({ err: error }, 'a connection broke'));
  });
  server.on('tlsClientError', (error: Error) => log.debug({ err: error }, 'a caller was not let in'));
  await listen(server, host, port);
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${shown}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      health.drain();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      older.close();
      const stop = setTimeout(() => closing.abort(new ConnectError('the server stops', Code.Unavailable)), GRACE_MS);
      const cut = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, GRACE_MS + CUT_MS);
      await closed;
      clearTimeout(stop);
      clearTimeout(cut);
    },
  };
}

/** What holds for every call, however it comes. */
export function callOptions(options: AdmitOptions) {
  const { gate, interceptor } = createAdmission(options);
  return {
    requestGate: gate,
    interceptors: [interceptor],
    readMaxBytes: MESSAGE_LIMIT,
    writeMaxBytes: MESSAGE_LIMIT,
  };
}

function createTlsServer({ ca, server: { cert, key } }: Tls, answer: Parameters<typeof createPlainServer>[1]) {
  const server = createSecureServer(
    { ...OPTIONS, allowHTTP1: true, ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    answer,
  );
  return { server: server as Server, http2: server };
}

/** Connections of HTTP/1.1, which stay open between their requests, until `close`: then each is closed once it has none. */
function createOlder() {
  const open = new Map<Socket, number>();
  let isClosing = false;
  const leave = (socket: Socket) => {
    if (isClosing && open.get(socket) === 0) socket.destroy();
  };
  return {
    count(socket: Socket, response: { once(event: 'close', heard: () => void): unknown }) {
      if (!open.has(socket)) socket.once('close', () => open.delete(socket));
      open.set(socket, (open.get(socket) ?? 0) + 1);
      response.once('close', () => {
        open.set(socket, (open.get(socket) ?? 1) - 1);
        leave(socket);
      });
    },
    close() {
      isClosing = true;
      for (const socket of open.keys()) leave(socket);
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
      reject(new ReeveError('unavailable', `cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}
