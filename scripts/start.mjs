// `npm start`: installs and prepares what is missing, then runs the server until it ends.
import { spawn } from 'node:child_process';
import { ensureInstalled, nodePath, root, runNode } from './toolchain.mjs';

await ensureInstalled();
const prepared = await runNode(['scripts/prepare.ts']);
if (prepared !== 0) process.exit(prepared);

const parent = process.ppid;
const server = spawn(nodePath(), ['packages/cli/src/main.ts', 'serve', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
let isStopping = false;

// A terminal sends Ctrl-C to the server too, which shuts down in its own time: a second one would cut that short.
process.on('SIGINT', () =>
  stop(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY ? undefined : 'SIGINT'),
);
process.on('SIGTERM', () => stop('SIGTERM'));
// npm hands a signal to the shell that it runs scripts in, and where that is dash it goes no further.
if (process.env.npm_lifecycle_event) {
  setInterval(() => process.ppid === parent || isStopping || stop('SIGTERM'), 300).unref();
}

server.on('error', (error) => {
  process.stderr.write(`reeve: the server cannot be started: ${error.message}\n`);
  process.exit(1);
});
server.on('exit', (code, signal) => {
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
  if (signal) process.kill(process.pid, signal);
  else process.exit(code);
});

function stop(signal) {
  isStopping = true;
  if (signal) server.kill(signal);
}
