// `npm test [-- file filters]`: installs what is missing, then runs the suite on the repository's Node.
import { ensureInstalled, runNode } from './toolchain.mjs';

await ensureInstalled();
process.on('SIGINT', () => {});
process.exitCode = await runNode(['scripts/run-tests.ts', ...process.argv.slice(2)]);
