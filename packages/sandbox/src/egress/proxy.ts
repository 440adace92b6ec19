import { randomBytes } from 'node:crypto';
import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { ReeveError } from '@reeve/kit';
import { readHello } from './client-hello.ts';
import { destinationOf, isOpen, TLS_PORT, type Destination, type Egress, type EgressConnection } from './egress.ts';
import { isRoot, SANDBOX_UID } from '../files/workspace.ts';

/** The proxy of one call. Disposing ends its connections. */
export interface EgressProxy extends AsyncDisposable {
  /** Path of its socket on the host; only the user that programs run as can use it. */
  readonly socket: string;
}

/** Connections at a time, and in all: each of them is written down. */
const AT_ONCE = 64;
const IN_ALL = 1_000;
const IDLE_MS = 120_000;
const HELLO_MS = 10_000;
/** Clients send their first message in one piece or two. */
const HELLO_READS = 64;

/** Hop-by-hop headers, which are not forwarded. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Opens the proxy of one call on a socket of its own, so that callers need no credentials: tunnels (CONNECT) to open
 * hosts, in which TLS must be for the requested host, and plain requests, which are sent over TLS with the host’s
 * headers.
 */
export async function openEgressProxy(egress: Egress): Promise<EgressProxy> {
  const directory = join(tmpdir(), `reeve-egress-${randomBytes(12).toString('hex')}`);
  const socket = join(directory, 'socket');
  await mkdir(directory, { mode: 0o700 });
  const held = holdConnections();
  let left = IN_ALL;
  /** Admits a destination or returns the refusal; both are recorded first. */
  const admit = async (
    kind: EgressConnection['kind'],
    asked: string,
    destination: Destination | undefined,
  ): Promise<Refusal | undefined> => {
    if ((left -= 1) < 0) return { status: 429, message: `a program may make ${IN_ALL} connections` };
    const refused =
      destination === undefined
        ? 'is no name of a host'
        : isOpen(await egress.hosts(), destination)
          ? undefined
          : 'is not open to this program';
    const connection = { ...(destination ?? { host: asked.slice(0, 253), port: 0 }), kind };
    await egress.record({ ...connection, ...(refused !== undefined && { refused }) });
    return refused === undefined ? undefined : { status: 403, message: `${asked.slice(0, 253)} ${refused}` };
  };

  const way: Way = {
    egress,
    admit,
    async connect({ host, port }) {
      using _place = held.takePlace();
      return held.hold(await egress.connect(host, port), true);
    },
  };

  /** Tunnels to a port of plain requests, by the host that they are for: some clients make one for these, too. */
  const plainTunnels = new WeakMap<Duplex, string>();
  const server = createServer({ maxHeaderSize: 32 * 1024 }, (request, response) => {
    const host = plainTunnels.get(request.socket);
    const url = host === undefined ? request.url : `http://${host}${request.url}`;
    answer(way, URL.parse(url ?? ''), request, response).catch((error: unknown) =>
      refuseRequest(response, refusalOf(error)),
    );
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    const plain = /^([^:]+):80$/.exec(request.url ?? '')?.[1];
    if (plain !== undefined && !plainTunnels.has(client)) {
      plainTunnels.set(client, plain);
      client.write(ESTABLISHED);
      client.unshift(head);
      return void server.emit('connection', client);
    }
    tunnel(way, request.url ?? '', client, head).catch((error: unknown) => refuseTunnel(client, refusalOf(error)));
  });
  server.on('connection', (connection) => void held.hold(connection, false));
  server.maxConnections = AT_ONCE;
  const close = async () => {
    server.close();
    held.release();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await listen(server, socket);
    // A connection that cannot be accepted concerns only its client.
    server.on('error', () => undefined);
    await chmod(socket, 0o600);
    if (isRoot()) for (const path of [directory, socket]) await chown(path, SANDBOX_UID, SANDBOX_UID);
  } catch (error) {
    await close();
    throw new ReeveError('unavailable', 'the way out of the sandbox cannot be opened', { cause: error });
  }
  return { socket, [Symbol.asyncDispose]: close };
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';

interface Refusal {
  readonly status: 400 | 403 | 429 | 502;
  readonly message: string;
}

/** What the connections of a call share. */
interface Way {
  readonly egress: Egress;
  /** Admits a destination or returns the refusal; both are recorded first. */
  admit(
    kind: EgressConnection['kind'],
    asked: string,
    destination: Destination | undefined,
  ): Promise<Refusal | undefined>;
  /** A connection that ends with the call. */
  connect(destination: Destination): Promise<Socket>;
}

/** All connections of a call in both directions: they end with the call, or after a long silence. */
function holdConnections() {
  const held = new Set<Socket>();
  let upstreams = 0;
  let isReleased = false;
  return {
    /** A place for an upstream while it is being reached. */
    takePlace(): Disposable {
      if (upstreams >= AT_ONCE) throw new ReeveError('limit_reached', `${AT_ONCE} connections are open already`);
      upstreams += 1;
      return { [Symbol.dispose]: () => void (upstreams -= 1) };
    },
    hold(socket: Socket, isUpstream: boolean): Socket {
      socket.on('error', () => socket.destroy());
      if (isReleased) return socket.destroy();
      if (held.has(socket)) return socket;
      held.add(socket);
      if (isUpstream) upstreams += 1;
      socket.once('close', () => {
        held.delete(socket);
        if (isUpstream) upstreams -= 1;
      });
      return socket.setTimeout(IDLE_MS, () => socket.destroy());
    },
    release(): void {
      isReleased = true;
      for (const socket of held) socket.destroy();
    },
  };
}

/** Forwards bytes in both directions. On the TLS port the first message must be TLS for the requested host, since a server may serve many. */
async function tunnel(way: Way, authority: string, client: Duplex, head: Buffer): Promise<void> {
  const destination = destinationOf(authority, TLS_PORT);
  const refusal = await way.admit('tunnel', authority, destination);
  if (refusal !== undefined || destination === undefined) return refuseTunnel(client, refusal ?? NO_HOST);
  const upstream = await way.connect(destination);
  upstream.on('error', () => client.destroy());
  client.once('close', () => upstream.destroy());
  client.write(ESTABLISHED);
  // On other ports the server may be the first to speak.
  const first = destination.port === TLS_PORT ? await firstBytes(client, head) : head;
  const hello = readHello(first);
  const isFor = hello.kind === 'tls' && hello.serverName?.toLowerCase() === destination.host;
  if (destination.port === TLS_PORT && !isFor) {
    upstream.destroy();
    client.destroy();
    const { host, port } = destination;
    return way.egress.record({ host, port, kind: 'tunnel', refused: 'is not what was asked for in the tunnel' });
  }
  upstream.write(first);
  pipeline(client, upstream, () => undefined);
  pipeline(upstream, client, () => undefined);
}

/** The client’s first message, up to its end. */
async function firstBytes(client: Duplex, head: Buffer): Promise<Buffer> {
  let bytes = head;
  const late = AbortSignal.timeout(HELLO_MS);
  for (let reads = 0; reads < HELLO_READS && readHello(bytes).kind === 'partial'; reads += 1) {
    const chunk = client.read() as Buffer | null;
    if (chunk !== null) {
      bytes = Buffer.concat([bytes, chunk]);
      continue;
    }
    if (client.readableEnded || client.destroyed || late.aborted) break;
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ['readable', 'end', 'close']) client.off(event, done);
        late.removeEventListener('abort', done);
        resolve();
      };
      for (const event of ['readable', 'end', 'close']) client.once(event, done);
      late.addEventListener('abort', done, { once: true });
    });
  }
  return bytes;
}

/**
 * Forwards one plain request. If the host’s plain port is open, the request goes there unchanged; otherwise it goes
 * over TLS, and the host’s configured headers replace those of the program.
 */
async function answer(
  { egress, admit, connect }: Way,
  url: URL | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '')
    return refuseRequest(response, {
      status: 400,
      message: 'this is a proxy: ask for http://host/path, or CONNECT host:port',
    });
  // TRACE would reveal the added headers to the program.
  if (/^trac[ek]$/i.test(request.method ?? ''))
    return refuseRequest(response, { status: 403, message: `${request.method} is not passed on` });
  const asked = destinationOf(url.host, 80);
  const isPlain = asked !== undefined && asked.port !== TLS_PORT && isOpen(await egress.hosts(), asked);
  const destination = isPlain || asked?.port !== 80 ? asked : { ...asked, port: TLS_PORT };
  const refusal = await admit('request', url.host, destination);
  if (refusal !== undefined || destination === undefined) return refuseRequest(response, refusal ?? NO_HOST);
  const { host } = destination;
  const own = isPlain ? undefined : egress.headersFor(host);
  const socket = await connect(destination);
  const connection: Socket = isPlain ? socket : connectTls({ socket, servername: host, ALPNProtocols: ['http/1.1'] });
  response.once('close', () => connection.destroy());
  connection.on('error', () => connection.destroy());
  const isChunked = request.headers['transfer-encoding'] !== undefined;
  const headers = {
    ...endToEnd(request.headers),
    // A body without its length would be taken for a request of its own.
    ...(isChunked && { 'transfer-encoding': 'chunked' }),
    ...own,
    host: isPlain ? url.host : host,
  };
  await new Promise<void>((resolve, reject) => {
    const forwarded = ask(
      { method: request.method, path: `${url.pathname}${url.search}`, headers, createConnection: () => connection },
      (answered) => {
        try {
          response.writeHead(answered.statusCode ?? 502, endToEnd(answered.headers));
        } catch (error) {
          // A status or a header that there cannot be.
          connection.destroy();
          return reject(error);
        }
        pipeline(answered, response, () => resolve());
      },
    );
    forwarded.on('error', reject);
    pipeline(request, forwarded, () => undefined);
  });
}

const NO_HOST: Refusal = { status: 403, message: 'that is no name of a host' };

function endToEnd(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const named = String(headers.connection ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    // How long a message is, and whom it is for, is not for the sender to take away.
    .filter((name) => name !== 'content-length' && name !== 'host');
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)));
}

function refusalOf(error: unknown): Refusal {
  const { reason, message } = ReeveError.from(error);
  if (reason === 'policy_denied') return { status: 403, message };
  if (reason === 'limit_reached') return { status: 429, message };
  return { status: 502, message: reason === 'internal' ? 'the connection failed' : message };
}

function refuseRequest(response: ServerResponse, { status, message }: Refusal): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${message}\n`);
}

function refuseTunnel(client: Duplex, { status, message }: Refusal): void {
  const body = `${message}\n`;
  client.end(
    `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
