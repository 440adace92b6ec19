import { Command, CommanderError } from 'commander';
import { EXIT, reportFailure } from './failure.ts';
import type { CommandIo, OutputStream } from './io.ts';

/** A command's file: it says what the command takes and what it does. */
interface CommandFile {
  define(command: Command, io: CommandIo): void;
}

interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandFile>;
}

const COMMANDS: readonly Entry[] = [
  { name: 'serve', summary: 'run the server', load: () => import('./commands/serve.ts') },
  { name: 'run', summary: 'hand an agent a task and see it work', load: () => import('./commands/run.ts') },
  { name: 'chat', summary: 'talk with an agent', load: () => import('./commands/chat.ts') },
  { name: 'status', summary: 'the queue, the health, who has the data', load: () => import('./commands/status.ts') },
  { name: 'create-task', summary: 'put a task into the queue', load: () => import('./commands/create-task.ts') },
  { name: 'run-once', summary: 'work on some tasks of the queue', load: () => import('./commands/run-once.ts') },
  { name: 'run-loop', summary: 'work on the queue until Ctrl-C', load: () => import('./commands/run-loop.ts') },
  {
    name: 'run-due-schedules',
    summary: 'make the tasks that are due now',
    load: () => import('./commands/run-due-schedules.ts'),
  },
  {
    name: 'tasks',
    summary: 'list, show, watch, approve, reject, cancel and retry tasks',
    load: () => import('./commands/tasks.ts'),
  },
  {
    name: 'approvals',
    summary: 'list approvals; show, approve or reject one',
    load: () => import('./commands/approvals.ts'),
  },
  {
    name: 'workflows',
    summary: 'create, list, show and cancel workflows',
    load: () => import('./commands/workflows.ts'),
  },
  {
    name: 'schedules',
    summary: 'list, create, pause and delete schedules',
    load: () => import('./commands/schedules.ts'),
  },
  {
    name: 'policies',
    summary: 'which types of tasks wait for a decision',
    load: () => import('./commands/policies.ts'),
  },
  { name: 'limits', summary: 'how many tasks may run at once', load: () => import('./commands/limits.ts') },
  {
    name: 'tenants',
    summary: 'list and show tenants, check a tenants file',
    load: () => import('./commands/tenants.ts'),
  },
  { name: 'usage', summary: 'what model calls used and cost', load: () => import('./commands/usage.ts') },
  { name: 'budgets', summary: 'what may be spent on model calls', load: () => import('./commands/budgets.ts') },
  { name: 'audit', summary: 'who did what, and proof that it is whole', load: () => import('./commands/audit.ts') },
  { name: 'runs', summary: 'list, show, follow, fork and cancel runs', load: () => import('./commands/runs.ts') },
  { name: 'agents', summary: 'list, show, create, edit and delete agents', load: () => import('./commands/agents.ts') },
  {
    name: 'personas',
    summary: 'list, show, create, edit and delete personas',
    load: () => import('./commands/personas.ts'),
  },
  { name: 'kb', summary: 'fill and search knowledge bases', load: () => import('./commands/kb.ts') },
  { name: 'models', summary: 'list models, try one with real calls', load: () => import('./commands/models.ts') },
  { name: 'tools', summary: 'list what agents can call', load: () => import('./commands/tools.ts') },
  { name: 'skills', summary: 'list and show skills', load: () => import('./commands/skills.ts') },
  { name: 'mcp', summary: 'add, import, list and test MCP servers', load: () => import('./commands/mcp.ts') },
  { name: 'keys', summary: 'create, list, rotate and revoke API keys', load: () => import('./commands/keys.ts') },
  { name: 'memory', summary: 'search what agents remember', load: () => import('./commands/memory.ts') },
  { name: 'doctor', summary: 'check that Reeve can work here', load: () => import('./commands/doctor.ts') },
  { name: 'certs', summary: 'make certificates for mutual TLS', load: () => import('./commands/certs.ts') },
  { name: 'config', summary: 'show and check the configuration', load: () => import('./commands/config.ts') },
  { name: 'migrate', summary: 'bring the database up to date', load: () => import('./commands/migrate.ts') },
  { name: 'version', summary: 'version, commit and Node release', load: () => import('./commands/version.ts') },
];

const EXAMPLES = `
Examples:
  $ reeve serve
  $ reeve run "What is 6 * 7?"
  $ reeve tasks list --status failed --json | jq '.tasks[].title'

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 partly failed, 4 not reachable, 5 denied, 130 interrupted.
Commands use the server of REEVE_URL, else the one that has the data directory; without one they open the database themselves.`;

/**
 * Runs one command and answers its exit code. Data goes to stdout, everything else to stderr. Loads only the file of the
 * command that is named.
 */
export async function runCommandLine(args: readonly string[], io: CommandIo): Promise<number> {
  const { stdout, stderr } = io;
  const program = new Command('reeve')
    .description('Reeve runs AI agents on your own machines.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => widthOf(stdout),
      getErrHelpWidth: () => widthOf(stderr),
      getOutHasColors: () => stdout.isTTY === true,
      getErrHasColors: () => stderr.isTTY === true,
    })
    .addHelpText('after', EXAMPLES);
  const named = args.find((arg) => !arg.startsWith('-') && arg !== 'help');
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).description(summary);
    if (name === named) (await load()).define(command, io);
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return io.exitCode ?? EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    return reportFailure(io, error, args.includes('--json'));
  }
}

/** The columns of a terminal; commander takes 80 where there is none. */
function widthOf({ isTTY, columns }: OutputStream): number {
  return (isTTY === true ? columns : undefined) ?? 80;
}
