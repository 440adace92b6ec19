import { createInterface, type Interface } from 'node:readline';
import { routes, type Multitask } from '@reeve/contract';
import type { Command } from 'commander';
import { connect, type Connection } from '../connect.ts';
import { EXIT, reportFailure } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { dim, note, printJsonLine, printText } from '../output.ts';
import { followRun, multitaskOption } from '../runs/run-follow.ts';
import { streamRun } from '../runs/run-stream.ts';
import { tellFailure, tellUsage } from '../runs/run-view.ts';

interface ChatOptions {
  readonly session?: string;
  readonly multitask?: Multitask;
  readonly json?: true;
}

const WORDS = `/new begins another conversation, /quit (or Ctrl-D) leaves, /help shows this.
Ctrl-C stops the answer that is being written; twice, it leaves.`;

const HELP = `
${WORDS}

Piped, each line of standard input is a message and stdout gets the answers; with --json one document a line. The exit code is
then 3 if some messages failed and 1 if all did.`;

export function define(command: Command, io: CommandIo): void {
  command
    .argument('[agent]', 'agent by id or slug', 'assistant')
    .option('--session <id>', 'go on with a conversation')
    .addOption(multitaskOption())
    .option('--json', 'print one JSON document a message, one a line')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve chat', 'printf "What is 2 + 2?\\nAnd times 10?\\n" | reeve chat assistant'))
    .action(exitWith(io, chat));
}

async function chat(io: CommandIo, agent: string, options: ChatOptions): Promise<number> {
  await using connection = await connect(io, 'chat');
  const { slug, name } = await connection.client.call(routes.getAgent, { params: { id: agent } });
  const isInteractive = io.stdin.isTTY === true && options.json === undefined;
  const lines = createInterface({
    input: io.stdin,
    ...(isInteractive && { output: io.stdout, prompt: '> ' }),
  });
  if (isInteractive) {
    note(io, dim(`You are talking with ${name}. /help says what else you can type.`, io.stderr));
    // The keyboard's Ctrl-C does not reach the process as a signal while the lines are edited.
    lines.on('SIGINT', () => io.interrupt());
  }
  try {
    return await talk(io, connection, lines, slug, options, isInteractive);
  } finally {
    lines.close();
  }
}

async function talk(
  io: CommandIo,
  connection: Connection,
  lines: Interface,
  agent: string,
  options: ChatOptions,
  isInteractive: boolean,
): Promise<number> {
  let session = options.session;
  let answered = 0;
  let failed = 0;
  if (isInteractive) lines.prompt();
  using idle = leaveWhenIdle(io, lines, isInteractive);
  for await (const line of lines) {
    const message = line.trim();
    if (message === '/quit') break;
    if (message === '/help') note(io, WORDS);
    else if (message === '/new') session = undefined;
    else if (message.startsWith('/')) note(io, `there is no ${message.split(' ')[0]}. ${WORDS}`);
    else if (message !== '') {
      const said = await say(io, connection, lines, agent, message, session, options);
      session = said.session ?? session;
      if (said.code === EXIT.done) answered += 1;
      else failed += 1;
      if (said.interrupted !== undefined && !isInteractive) return said.interrupted;
    }
    if (isInteractive) lines.prompt();
  }
  if (idle.interrupted && !isInteractive) return 130;
  if (failed === 0 || isInteractive) return EXIT.done;
  return answered === 0 ? EXIT.failed : EXIT.partly;
}

interface Said {
  readonly code: number;
  readonly session: string | undefined;
  readonly interrupted?: number | undefined;
}

/** One message and its answer. What goes wrong with it is told, and the conversation goes on. */
async function say(
  io: CommandIo,
  connection: Connection,
  lines: Interface,
  agent: string,
  message: string,
  session: string | undefined,
  { json, multitask }: ChatOptions,
): Promise<Said> {
  try {
    const request = { agent_config_id: agent, message, session_id: session, multitask };
    const { summary, interrupted, left } = await followRun(
      io,
      connection,
      (signal) => streamRun(connection.client, request, signal),
      { json: json === true },
      lines,
    );
    if (json) printJsonLine(io, summary);
    else if (!io.stdout.isTTY && summary.result !== null) printText(io, summary.result);
    const isDone = summary.status === 'completed';
    if (!json && !left) {
      tellUsage(io, summary);
      if (!isDone) tellFailure(io, summary);
    }
    return { code: isDone ? EXIT.done : EXIT.failed, session: summary.session_id, interrupted };
  } catch (error) {
    return { code: await reportFailure(io, error, json === true), session: undefined };
  }
}

/** Between answers the first Ctrl-C says how to leave, and a second one right after it leaves. */
function leaveWhenIdle(
  io: CommandIo,
  lines: Interface,
  isInteractive: boolean,
): Disposable & { readonly interrupted: boolean } {
  let lastAt = -Infinity;
  let interrupted = false;
  const on = () => {
    // While an answer is written its own listener is there too, and it is the one that acts.
    if (io.signals.listenerCount('SIGINT') > 1) return;
    if (!isInteractive || performance.now() - lastAt < 2_000) {
      interrupted = true;
      lines.close();
      return;
    }
    lastAt = performance.now();
    note(io, '\nCtrl-C again leaves, /quit too');
    lines.prompt();
  };
  io.signals.on('SIGINT', on);
  return {
    get interrupted() {
      return interrupted;
    },
    [Symbol.dispose]: () => void io.signals.off('SIGINT', on),
  };
}
