/** The path of the proxy’s socket inside the sandbox. */
export const EGRESS_SOCKET = '/run/egress.sock';

const PORT = 3128;
const PROXY = `http://127.0.0.1:${PORT}`;
const NOT_PROXIED = 'localhost,127.0.0.1,::1';

/** Variables that point a program’s clients to the proxy. */
export const PROXY_VARIABLES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['http_proxy', 'https_proxy', 'all_proxy'].flatMap((name) => [
      [name, PROXY],
      [name.toUpperCase(), PROXY],
    ]),
  ),
  no_proxy: NOT_PROXIED,
  NO_PROXY: NOT_PROXIED,
  NODE_USE_ENV_PROXY: '1',
};

/** Threads of the bridge, which come on top of the program's own. */
export const BRIDGE_THREADS = 16;

/**
 * Runs a command as the child of a bridge from the sandbox’s loopback to the socket, since most clients support proxies
 * by TCP address only. The bridge ends with the command. `answer`: the descriptor for the command’s answer, if any.
 */
export function bridged(node: string, answer: number | undefined, command: readonly string[]): string[] {
  return [node, '--max-old-space-size=64', '--eval', bridge(answer), '--', ...command];
}

const bridge = (answer: number | undefined) => `
const { connect, createServer } = require('node:net');
const { spawn } = require('node:child_process');
const { signals } = require('node:os').constants;
const [file, ...args] = process.argv.slice(1);
const stdio = ${JSON.stringify(answer === undefined ? [0, 1, 2] : [0, 1, 2, ...Array<string>(answer - 3).fill('ignore'), answer])};
createServer({ allowHalfOpen: true }, (inside) => {
  const outside = connect({ path: '${EGRESS_SOCKET}', allowHalfOpen: true });
  inside.on('error', () => outside.destroy()).pipe(outside);
  outside.on('error', () => inside.destroy()).pipe(inside);
}).listen(${PORT}, '127.0.0.1', () => {
  spawn(file, args, { stdio })
    .on('error', (error) => { console.error(error.message); process.exit(127); })
    .on('exit', (code, signal) => process.exit(code ?? 128 + signals[signal]));
});`;
