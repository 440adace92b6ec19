// `node scripts/generate-proto.mjs`: checks proto/ and writes packages/contract/src/proto anew. Run it after a change of proto/ and
// commit what it wrote; a test compares the two. The programs come from npm, pinned here, for this run alone: nobody else needs them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, nodePath, root } from './toolchain.mjs';

await ensureInstalled();
const packages = ['@bufbuild/buf@1.75.0', '@bufbuild/protoc-gen-es@2.17.0'].map((name) => `--package=${name}`);
const { status } = spawnSync('npm', ['exec', '--yes', ...packages, '--', 'sh', '-c', 'buf lint && buf generate'], {
  cwd: join(root, 'proto'),
  stdio: 'inherit',
  env: { ...process.env, PATH: `${join(nodePath(), '..')}:${process.env.PATH}` },
});
process.exitCode = status ?? 1;
