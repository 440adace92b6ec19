import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Reason } from '@reeve/contract';
import { malformedAnswer } from './failure.ts';
import { NOT_HTTP } from './upgrade.ts';

/** What one connection may take. Times are of what comes in: streams that go out, and WebSockets, may last. */
export interface ServerLimits {
  /** Until all headers have come. */
  readonly headersMs: number;
  /** Until the whole request has come. */
  readonly requestMs: number;
  /** How long a connection is kept between requests. */
  readonly idleMs: number;
  /** How often connections are looked at. */
  readonly checkMs: number;
  /** Of the request line and the headers together. */
  readonly headerBytes: number;
  readonly headers: number;
  /** Of a request's path and query. */
  readonly urlBytes: number;
  /** Requests of one connection that wait for their answers. */
  readonly pipelined: number;
  /** At once; more are closed as they come. */
  readonly connections: number;
}

export const SERVER_LIMITS: ServerLimits = {
  headersMs: 15_000,
  requestMs: 60_000,
  idleMs: 65_000,
  checkMs: 5_000,
  headerBytes: 32 * 1024,
  headers: 100,
  urlBytes: 8 * 1024,
  pipelined: 16,
  connections: 10_000,
};

/**
 * Holds a server to its limits. What comes back looks at each request and says whether it may be answered; where it may
 * not, it has been.
 */
export function guardServer(
  server: Server,
  limits: ServerLimits,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  server.maxConnections = limits.connections;
  // Node would drop those beyond a limit of its own without a word; these are counted below.
  server.maxHeadersCount = 0;
  const waiting = new WeakMap<Duplex, number>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const isAnswering = (waiting.get(socket) ?? 0) > 0;
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering) socket.destroy();
    else refuseBroken(error, socket);
  });
  return (request, response) => {
    const { socket } = request;
    const now = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, now);
    response.once('close', () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    if (now > limits.pipelined) {
      socket.destroy();
      return false;
    }
    if ((request.url ?? '').length > limits.urlBytes)
      return refuse(response, 414, `the path and query are longer than ${limits.urlBytes} bytes`);
    if (request.rawHeaders.length > limits.headers * 2)
      return refuse(response, 431, `there are more than ${limits.headers} headers`);
    return true;
  };
}

function refuse(response: ServerResponse, status: number, message: string): false {
  const { body, headers } = malformedAnswer(message);
  response.writeHead(status, { ...headers, 'content-type': 'application/json', connection: 'close' });
  response.end(JSON.stringify(body));
  return false;
}

const BROKEN: Readonly<Record<string, readonly [status: number, code: Reason, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'timeout', 'the request did not come in time'],
  HPE_HEADER_OVERFLOW: [431, 'invalid_request', 'the request line and the headers are too large'],
};

/** Answers what could not be read as HTTP, and closes the connection. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, code, message] = BROKEN[error.code ?? ''] ?? [400, 'invalid_request', NOT_HTTP];
  const { body, headers } = malformedAnswer(message, code);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => socket.destroy());
}
