import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Halves the start: what was compiled, types stripped, is kept beside the dependencies.
enableCompileCache(join(import.meta.dirname, '../../../node_modules/.cache/reeve/compiled'));
const { runCommandLine } = await import('./program.ts');

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await runCommandLine(process.argv.slice(2));
// What a start that failed half-way left open must not keep a finished command alive.
setTimeout(() => process.exit(), 500).unref();
