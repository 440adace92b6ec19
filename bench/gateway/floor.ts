// node floor.ts <url of the upstream>: the smallest proxy. It reads a body, sends it on, and writes back what comes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { Pool } from 'undici';

const upstream = new URL(process.argv[2]!);
const pool = new Pool(upstream.origin, { connections: 512 });

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const left = new AbortController();
    response.on('close', () => left.abort());
    pool
      .request({
        path: request.url!,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: request.headers.authorization ?? '' },
        body: Buffer.concat(parts),
        signal: left.signal,
      })
      .then(async ({ statusCode, headers, body }) => {
        const type = String(headers['content-type']);
        response.writeHead(statusCode, { 'content-type': type });
        if (type === 'application/json') response.end(Buffer.from(await body.arrayBuffer()));
        else pipeline(body, response, () => undefined);
      })
      .catch(() => response.destroy());
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`));
