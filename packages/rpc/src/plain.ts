import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type Http2Server, type ServerOptions } from 'node:http2';
import { createServer, type Server } from 'node:net';

/** How every connection of HTTP/2 begins that did not say so before; no request of HTTP/1.1 does. */
const PREFACE = Buffer.from('PRI ');
/** How long a connection may take to begin. */
const BEGIN_MS = 15_000;
/** How long a connection of HTTP/1.1 may say nothing; longer than any call takes. */
const IDLE_MS = 10 * 60_000;

type Handler = Parameters<typeof createHttp2Server>[1] & Parameters<typeof createHttpServer>[1];

/**
 * A server without TLS that speaks HTTP/2, as gRPC needs it, and HTTP/1.1, as gRPC-Web and Connect may use it, on one port: the
 * first bytes of a connection tell.
 */
export function createPlainServer(options: ServerOptions, handler: Handler): { server: Server; http2: Http2Server } {
  const http2 = createHttp2Server(options, handler);
  const http1 = createHttpServer(handler);
  http1.setTimeout(IDLE_MS);
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    const late = setTimeout(() => socket.destroy(), BEGIN_MS);
    socket.once('close', () => clearTimeout(late));
    let first = Buffer.alloc(0);
    const look = (): void => {
      const bytes = socket.read() as Buffer | null;
      if (bytes !== null) first = Buffer.concat([first, bytes]);
      if (first.length < PREFACE.length) return;
      socket.off('readable', look);
      clearTimeout(late);
      socket.unshift(first);
      (first.subarray(0, PREFACE.length).equals(PREFACE) ? http2 : http1).emit('connection', socket);
    };
    socket.on('readable', look);
  });
  return { server, http2 };
}
