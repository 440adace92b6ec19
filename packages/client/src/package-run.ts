/** A command that fetches a package at each start and runs it: Reeve installs the package once instead. */
export interface PackageRun {
  readonly manager: 'npm' | 'pip';
  /** What is installed: a name, with a version where one was given, or a path. */
  readonly spec: string;
  /** The program of the package; undefined for the one that is named like it. */
  readonly program: string | undefined;
  readonly args: readonly string[];
}

/** Takes `npx`, `bunx`, `pnpm dlx`, `uvx`, `uv tool run` and `pipx run` apart; undefined for any other command. */
export function readPackageRun(command: string, args: readonly string[]): PackageRun | undefined {
  const words = [baseName(command), ...args];
  if (words[0] === 'cmd' && words[1]?.toLowerCase() === '/c') words.splice(0, 2);
  const [, manager, rest] = RUNNERS.map(([runner, of]) => [runner, of, afterRunner(words, runner)] as const).find(
    ([, , after]) => after !== undefined,
  ) ?? [undefined, undefined, undefined];
  if (manager === undefined || rest === undefined) return undefined;

  const named: Record<string, string> = {};
  let at = 0;
  for (; at < rest.length && rest[at]!.startsWith('-'); at += 1) {
    const [, option, joined] = /^(--?[\w-]+)(?:=(.*))?$/s.exec(rest[at]!) ?? [];
    if (option === undefined || !WITH_VALUE.has(option)) continue;
    named[option] = joined ?? rest[(at += 1)] ?? '';
  }
  const first = rest[at];
  const spec = named['-p'] ?? named['--package'] ?? named['--from'] ?? named['--spec'];
  if (first === undefined && spec === undefined) return undefined;
  return { manager, spec: spec ?? first!, program: spec === undefined ? undefined : first, args: rest.slice(at + 1) };
}

const RUNNERS: readonly (readonly [runner: readonly string[], manager: PackageRun['manager']])[] = [
  [['npx'], 'npm'],
  [['bunx'], 'npm'],
  [['bun', 'x'], 'npm'],
  [['pnpm', 'dlx'], 'npm'],
  [['uvx'], 'pip'],
  [['uv', 'tool', 'run'], 'pip'],
  [['pipx', 'run'], 'pip'],
];
/** Options of theirs that take a value. */
const WITH_VALUE: ReadonlySet<string> = new Set([
  '-p',
  '--package',
  '--from',
  '--spec',
  '--python',
  '--with',
  '--index-url',
]);

function afterRunner(words: readonly string[], runner: readonly string[]): readonly string[] | undefined {
  return runner.every((word, index) => words[index] === word) ? words.slice(runner.length) : undefined;
}

function baseName(command: string): string {
  return command.replace(/^.*[\\/]/, '').replace(/\.(?:cmd|exe)$/i, '');
}
