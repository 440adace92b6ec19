// The floor of `POST /execute`: reads a JSON body and answers JSON of the same shape, with nothing between; a GET has no body.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const task =
      request.method === 'GET' ? '' : (JSON.parse(Buffer.concat(chunks).toString()) as { task: string }).task;
    const answer = {
      status: 'completed',
      result: task,
      run_id: 'none',
      agent: 'none',
      duration_ms: 0,
      request_id: 'none',
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
