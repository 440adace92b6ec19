// `npm run check [-- --fix]`: every static check, one line each. All of them run, even after one has failed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, nodePath, root } from './toolchain.mjs';

await ensureInstalled();

const fix = process.argv.includes('--fix');
const bin = (path) => join('node_modules', path);
const checks = [
  ['format', [bin('oxfmt/bin/oxfmt'), fix ? '--write' : '--check']],
  [
    'lint',
    [bin('oxlint/bin/oxlint'), '--deny-warnings', '--report-unused-disable-directives', ...(fix ? ['--fix'] : [])],
  ],
  ['types', [bin('typescript/bin/tsc'), '-p', '.']],
  ['order', ['scripts/check-order.ts']],
  ['prose', ['scripts/check-prose.ts']],
  ['links', ['scripts/check-links.ts']],
  ['unused', [bin('knip/bin/knip.js'), '--no-progress', '--no-config-hints']],
];

for (const [name, args] of checks) {
  const begun = performance.now();
  const { code, output } = await run(args);
  console.log(`${code === 0 ? '✔' : '✖'} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  if (code === 0) continue;
  console.log(output.trimEnd().replace(/^/gm, '  '));
  process.exitCode = 1;
}

function run(args) {
  const child = spawn(nodePath(), args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  return new Promise((done) => {
    child.on('error', (error) => done({ code: 1, output: error.message }));
    child.on('close', (code) => done({ code: code ?? 1, output }));
  });
}
