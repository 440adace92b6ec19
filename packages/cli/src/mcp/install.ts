import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isRecord, ReeveError } from '@reeve/kit';
import type { CommandIo } from '../io.ts';
import type { PackageRun } from '@reeve/client/mcp-config';

/** The program of a package that lies in the MCP folder, as it is started in the sandbox, where that folder is `/mcp`. */
export interface InstalledProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Installs a package into the MCP folder. npm's packages get no scripts of their own run, since that would be outside of the sandbox.
 * Throws `unavailable` with what the package manager said, and where the package has no such program.
 */
export async function installPackage(
  io: CommandIo,
  folder: string,
  { manager, spec, program, args }: PackageRun,
): Promise<InstalledProgram> {
  mkdirSync(folder, { recursive: true });
  if (manager === 'pip') return installFromPip(io, folder, spec, program, args);
  const before = dependenciesOf(folder);
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--install-links', '--save-exact'];
  await run(io, folder, 'npm', ['install', '--prefix', folder, ...options, spec]);
  const after = dependenciesOf(folder);
  const name = npmName(spec) ?? Object.keys(after).find((one) => before[one] !== after[one]) ?? nameInPath(io, spec);
  if (name === undefined || after[name] === undefined) throw refused(`npm did not say what ${spec} is called`);
  const file = binOf(join(folder, 'node_modules', name), name, program);
  return { command: 'node', args: [posix.join('/mcp/node_modules', name, file), ...args], env: {} };
}

async function installFromPip(
  io: CommandIo,
  folder: string,
  spec: string,
  program: string | undefined,
  args: readonly string[],
): Promise<InstalledProgram> {
  const name = /^[\w.-]+/.exec(spec)?.[0] ?? '';
  if (name === '' || name.startsWith('.')) throw refused(`${spec} names no package of Python`);
  const target = join(folder, 'python', name);
  const options = ['--quiet', '--disable-pip-version-check', '--upgrade', '--target', target];
  await run(io, folder, 'python3', ['-m', 'pip', 'install', ...options, spec.replace('@', '==')]);
  const there = existsSync(join(target, 'bin')) ? readdirSync(join(target, 'bin')) : [];
  const script = program ?? name;
  if (!there.includes(script)) throw refused(`${spec} has no program ${script}; it has ${there.join(', ') || 'none'}`);
  const inSandbox = posix.join('/mcp/python', name);
  return {
    command: 'python3',
    args: [posix.join(inSandbox, 'bin', script), ...args],
    env: { PYTHONPATH: inSandbox },
  };
}

/** The file of a program of a package of npm, relative to the package. */
function binOf(directory: string, name: string, program: string | undefined): string {
  const { bin } = readJson(join(directory, 'package.json'));
  if (typeof bin === 'string') return bin;
  const programs = isRecord(bin) ? bin : {};
  const wanted = program ?? name.replace(/^@[^/]+\//, '');
  const [only, ...others] = Object.values(programs);
  const file = programs[wanted] ?? (program === undefined && others.length === 0 ? only : undefined);
  if (typeof file === 'string') return file;
  throw refused(`${name} has no program ${wanted}; it has ${Object.keys(programs).join(', ') || 'none'}`);
}

/** The name in a spec of npm's registry; undefined for a path, an archive or an address. */
function npmName(spec: string): string | undefined {
  if (/^[./~]|:|\.tgz$/.test(spec)) return undefined;
  return /^(?:@[^/@]+\/)?[^/@]+/.exec(spec)?.[0];
}

/** The name of a package that lies in a directory. */
function nameInPath({ directory }: CommandIo, spec: string): string | undefined {
  const { name } = readJson(join(directory, spec.replace(/^file:/, ''), 'package.json'));
  return typeof name === 'string' ? name : undefined;
}

function dependenciesOf(folder: string): Record<string, unknown> {
  const { dependencies } = readJson(join(folder, 'package.json'));
  return isRecord(dependencies) ? dependencies : {};
}

function readJson(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {};
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return isRecord(value) ? value : {};
}

async function run(io: CommandIo, folder: string, command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { cwd: io.directory, env: io.environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (said = (said + part).slice(-2_000)));
  const stop = () => child.kill();
  io.signals.on('SIGINT', stop);
  try {
    const [code] = (await Promise.race([
      once(child, 'close'),
      once(child, 'error').then(([error]) => Promise.reject(error as Error)),
    ])) as [number | null];
    if (code !== 0) throw new Error(said.trim() || `it ended with ${code ?? 'a signal'}`);
  } catch (error) {
    throw refused(`${command} could not install into ${folder}: ${(error as Error).message}`, error);
  } finally {
    io.signals.off('SIGINT', stop);
  }
}

function refused(message: string, cause?: unknown): ReeveError {
  return new ReeveError('unavailable', message, { cause });
}
