import { STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { App, Upgrade } from './app.ts';
import { malformedRequest } from './failure.ts';
import { PROTOCOL } from './handshake.ts';
import { FRAME_LIMIT } from './socket.ts';

/** Said of a request line or a Host header that no application could be given. */
export const NOT_HTTP = 'the request line or the Host header is not valid';

const RESTART = 1012;

/** Opens the WebSockets that an application accepts, on the connections of a server. */
export function startSockets(server: Server, app: Pick<App, 'upgrade'>): { close(): void; cut(): void } {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_LIMIT,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
  const accepted = new WeakMap<IncomingMessage, Headers>();
  sockets.on('headers', (lines, request) => {
    for (const [name, value] of accepted.get(request) ?? []) lines.push(`${name}: ${value}`);
  });
  sockets.on('wsClientError', (error, socket, request) => {
    void refuse(socket, malformedRequest(error.message, headerOf(request)));
  });

  async function open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const asked = requestOf(request);
    if (asked === undefined) return refuse(socket, malformedRequest(NOT_HTTP));
    const { response, serve }: Upgrade = await app.upgrade(asked, request);
    if (socket.destroyed) return;
    if (serve === undefined) return refuse(socket, response);
    accepted.set(request, response.headers);
    sockets.handleUpgrade(request, socket, head, (connection) => {
      serve(connection);
      if (!server.listening) connection.close(RESTART);
    });
  }

  server.on('upgrade', (request, socket, head) => {
    const drop = () => socket.destroy();
    socket.on('error', drop);
    open(request, socket, head).catch(drop);
  });
  return {
    close() {
      for (const connection of sockets.clients) connection.close(RESTART);
    },
    cut() {
      for (const connection of sockets.clients) connection.terminate();
    },
  };
}

function headerOf({ headers }: IncomingMessage): (name: string) => string | undefined {
  return (name) => (typeof headers[name] === 'string' ? headers[name] : undefined);
}

function requestOf({ url = '', headers, rawHeaders }: IncomingMessage): Request | undefined {
  const address = URL.parse(`http://${headers.host ?? ''}${url}`);
  if (address === null || !url.startsWith('/')) return undefined;
  const given = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) given.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return new Request(address, { headers: given });
}

/** Answers over a connection that Node has given up, and closes it. */
async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const head = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`,
    ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    'connection: close',
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]));
}
