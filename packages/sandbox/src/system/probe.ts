import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';
import type { Language, SandboxDriver } from '../sandbox.ts';

const PROBE_MS = 10_000;

/**
 * Runs a command in all of a driver's profile: the languages that work there, bash by running at all, or the reason
 * where nothing does. `python` and `node` are what starts those inside.
 */
export async function probeDriver(
  driver: SandboxDriver,
  { python, node }: { readonly python: string; readonly node: string },
  signal: AbortSignal,
): Promise<ReadonlySet<Language> | string> {
  const workspace = await mkdtemp(join(tmpdir(), 'reeve-probe-'));
  const code = `echo kept > probe && echo bash || exit 1
    ${python} -ISc '' && echo python
    ${node} -e 'process.exit(require("node:module").registerHooks === undefined ? 1 : 0)' && echo node
    true`;
  try {
    const result = await driver.exec(
      { language: 'bash', code, workspace, timeoutMs: PROBE_MS, maxOutputBytes: 10_000 },
      signal,
    );
    if (result.status !== 'success') return `${result.message}: ${result.stderr.trim()}${hintFor(result.stderr)}`;
    if ((await readFile(join(workspace, 'probe'), 'utf8').catch(() => '')) !== 'kept\n')
      return `what a command writes to its workspace is not seen here, in ${tmpdir()}: the engine runs on another machine`;
    return new Set(result.stdout.split('\n').filter((line) => line !== '') as Language[]);
  } catch (error) {
    const { message } = ReeveError.from(error);
    return message + hintFor(message);
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** Advice for known failures. */
function hintFor(message: string): string {
  if (/No permissions to create|creating new namespace failed|uid map|unshare failed/i.test(message)) {
    return '. User namespaces are forbidden here: on Ubuntu allow bwrap in AppArmor (kernel.apparmor_restrict_unprivileged_userns); in Docker add --security-opt seccomp=unconfined --security-opt systempaths=unconfined';
  }
  if (/mount proc/i.test(message)) return '. In Docker add --security-opt systempaths=unconfined';
  if (/Unknown option|not supported in setuid mode/i.test(message))
    return '. This bubblewrap is older than 0.8 or setuid root: install a current one';
  if (/bind source path does not exist/i.test(message))
    return '. The Docker engine does not see the files of this machine: it runs elsewhere, or in a virtual machine that does not share this directory';
  if (/exec: bash: not found|"bash": executable file not found/i.test(message))
    return '. The image needs bash: name another in SANDBOX_DOCKER_IMAGE';
  return '';
}
