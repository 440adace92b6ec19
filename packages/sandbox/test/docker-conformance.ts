import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, realpathSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { SandboxConfig } from '../src/system/backends.ts';
import { connectTo } from '../src/docker/engine.ts';

/** The engine that tests use, started by `.ci/docker.sh`; undefined where there is none. */
export const dockerHost = process.env['REEVE_TEST_DOCKER_HOST'];

/** Why tests with Docker are skipped. */
export const noDocker =
  dockerHost === undefined ? 'no Docker engine: start one with .ci/docker.sh and set REEVE_TEST_DOCKER_HOST' : false;

/** Settings for a sandbox of that engine, with an image that is made where it is missing. */
export async function dockerSettings(host: string): Promise<SandboxConfig> {
  return { sandboxBackend: 'docker', dockerHost: host, sandboxDockerImage: await makeTestImage(host) };
}

/** What of the host's commands the tests use. */
const COMMANDS = [
  ...[
    'base64',
    'bash',
    'cat',
    'chmod',
    'chown',
    'chroot',
    'cp',
    'env',
    'fallocate',
    'false',
    'find',
    'getent',
    'grep',
    'gunzip',
    'gzip',
  ],
  ...[
    'head',
    'hostname',
    'id',
    'ln',
    'ls',
    'mkdir',
    'mkfifo',
    'mknod',
    'mount',
    'mv',
    'nohup',
    'nsenter',
    'ps',
    'python3',
  ],
  ...[
    'readlink',
    'rm',
    'rmdir',
    'sed',
    'seq',
    'setsid',
    'sh',
    'sleep',
    'stat',
    'tail',
    'tar',
    'timeout',
    'touch',
    'tr',
  ],
  ...['true', 'truncate', 'umount', 'uname', 'unshare', 'wc', 'xargs', 'yes'],
];

/**
 * Makes the image that tests run in, where the engine has not got it yet: Bash and the usual commands, Python, and the
 * Node that runs this, as the host has them. Returns its name, which is another one where those are others.
 */
async function makeTestImage(host: string): Promise<string> {
  const { files, python } = partsOfHost();
  const parts = [...files, process.execPath].map((file) => {
    const { size, mtimeMs } = statSync(file);
    return `${file} ${size} ${mtimeMs}`;
  });
  const tag = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
  const docker = await connectTo(host);
  const name = `reeve-test:${tag}`;
  const isThere = await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (isThere) return name;
  const root = await mkdtemp(join(tmpdir(), 'reeve-image-'));
  try {
    for (const file of files) await copy(file, root, join(realpathSync(dirname(file)), basename(file)));
    await copy(process.execPath, root, '/usr/local/bin/node');
    if (python !== undefined) await cp(python, join(root, python), { recursive: true, dereference: true });
    for (const link of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${link}`, join(root, link));
    const packed = spawn('tar', ['-C', root, '--owner=0', '--group=0', '-c', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const imported = await docker.importImage(packed.stdout, { repo: 'reeve-test', tag });
    await finished(imported.resume());
  } finally {
    await rm(root, { recursive: true });
  }
  return name;
}

/** The commands that the host has, with the libraries that they and Python's modules need, and Python's own directory. */
function partsOfHost(): { files: string[]; python: string | undefined } {
  const commands = COMMANDS.map((name) => `/usr/bin/${name}`).filter((path) => existsSync(path));
  const python = commands.includes('/usr/bin/python3')
    ? `/usr/lib/${basename(realpathSync('/usr/bin/python3'))}`
    : undefined;
  const modules = python === undefined ? [] : globSync(`${python}/lib-dynload/*.so`);
  const { stdout } = spawnSync('ldd', [...commands, ...modules, process.execPath], { encoding: 'utf8' });
  const libraries = [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].map(([, path]) => path!);
  return { files: [...new Set([...commands, ...libraries])].sort(), python };
}

async function copy(file: string, root: string, path: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await cp(file, join(root, path), { dereference: true });
}
