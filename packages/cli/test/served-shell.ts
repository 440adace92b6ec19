import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { createShell, type RunOptions, type ShellServer, type TestShell } from './shell.ts';

/** Opens a shell with a running server before the suite's first test, hands both to `use`, and closes them after the last. */
export function useServedShell(use: (shell: TestShell, server: ShellServer) => void): void {
  let shell: TestShell;
  let server: ShellServer;
  before(async () => {
    shell = await createShell();
    server = await shell.serve();
    use(shell, server);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });
}

/** The JSON that a command prints; asserts its exit code. */
export async function runJson<T>(
  shell: TestShell,
  args: readonly string[],
  code = 0,
  options: RunOptions = {},
): Promise<T> {
  const result = await shell.run(args, options);
  assert.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
  return JSON.parse(result.stdout) as T;
}
