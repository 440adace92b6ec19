// The MCP server of tests as a program, which talks through its standard input and output. `--old`: it speaks 2025-11-25 only, and
// ends where it is asked anything else first.
import { readFile, writeFile } from 'node:fs/promises';
import type { McpServer } from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';
import { serverWith } from './mcp-server.ts';

const text = (said: string) => ({ content: [{ type: 'text' as const, text: said }] });

function create(): McpServer {
  const server = serverWith([]);
  server.registerTool('variable', { inputSchema: z.object({ name: z.string() }) }, ({ name }) =>
    text(`it is ${process.env[name]}`),
  );
  server.registerTool('count', { inputSchema: z.object({}) }, async () => {
    const count = 1 + Number(await readFile('count', 'utf8').catch(() => '0'));
    await writeFile('count', String(count));
    return text(String(count));
  });
  server.registerTool('die', { inputSchema: z.object({}) }, () => {
    process.stderr.write(`dying with ${process.env['KEY']}\n`);
    process.exit(9);
  });
  return server;
}

if (process.argv[2] === '--old') {
  process.stdin.once('data', (chunk) => String(chunk).includes('"initialize"') || process.exit(3));
  await create().connect(new StdioServerTransport());
} else {
  serveStdio(create);
}
