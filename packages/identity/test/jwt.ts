import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a remote server answers; undefined: nothing, ever. */
export type RemoteAnswer = {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
};

/** For tests: a server on loopback, such as an issuer's or an auth service. */
export interface Remote extends AsyncDisposable {
  readonly url: string;
  /** Requests so far, with their bodies. */
  readonly asked: {
    readonly method: string;
    readonly path: string;
    readonly body: string;
    readonly authorization: string;
  }[];
  answer: (path: string, body: string) => RemoteAnswer | undefined;
  /** Ends it as a crash would: nothing listens there any more. */
  stop(): Promise<void>;
}

export async function startRemote(answer: Remote['answer']): Promise<Remote> {
  const asked: Remote['asked'] = [];
  const server = createServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      const { method = '', url: path = '', headers } = request;
      asked.push({ method, path, body, authorization: headers.authorization ?? '' });
      const made = remote.answer(path, body);
      if (made === undefined) return;
      response.writeHead(made.status ?? 200, { 'content-type': 'application/json', ...made.headers });
      response.end(typeof made.body === 'string' ? made.body : JSON.stringify(made.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const remote: Remote = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return remote;
}
