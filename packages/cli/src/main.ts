import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import type { CommandIo } from './io.ts';

// Halves the start: the compiled code, types stripped, is kept beside the dependencies.
enableCompileCache(join(import.meta.dirname, '../../../node_modules/.cache/reeve/compiled'));
const { runCommandLine } = await import('./program.ts');

/** The process itself. Its standard input is opened by the first command that reads it. */
const io: CommandIo = {
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  directory: process.cwd(),
  signals: process,
  interrupt: () => void process.kill(process.pid, 'SIGINT'),
  exit: (code) => process.exit(code),
};

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await runCommandLine(process.argv.slice(2), io);
// Handles that a failed start left open must not keep a finished command alive.
setTimeout(() => process.exit(), 500).unref();
