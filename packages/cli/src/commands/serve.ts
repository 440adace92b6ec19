import type { Log } from '@reeve/kit';
import type { Command } from 'commander';
import { readConfig, settingsInVain } from '@reeve/server/config';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith } from '../options.ts';
import { createProcessLog } from '@reeve/server/process-log';
import { isSandboxAlone, startReeve, startSandboxRole } from '@reeve/server';

interface ServeOptions {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
  readonly roles?: string;
}

export function define(command: Command, io: CommandIo): void {
  command
    .option('--host <address>', 'address to listen on (REEVE_HOST)')
    .option('--port <port>', 'port to listen on; 0 takes a free one (REEVE_PORT)')
    .option('--data-dir <directory>', 'embedded database and workspaces (REEVE_DATA_DIR)')
    .option('--roles <roles>', 'what this process does: all, or some, separated by commas (REEVE_ROLES)')
    .addHelpText('after', examples('reeve serve --port 8081 --data-dir /var/lib/reeve'))
    .action(exitWith(io, serve));
}

/** Runs the server until SIGINT or SIGTERM, which stop it cleanly; the same one again ends it at once. */
async function serve(io: CommandIo, options: ServeOptions): Promise<number> {
  const { config } = readConfig(
    {
      REEVE_HOST: options.host,
      REEVE_PORT: options.port,
      REEVE_DATA_DIR: options.dataDir,
      REEVE_ROLES: options.roles,
    },
    io,
  );
  const log = createProcessLog(config, io.stderr);
  for (const setting of settingsInVain(io)) log.warn(setting);
  const stopped = new Promise<string>((resolve) => {
    const heard = new Set<NodeJS.Signals>();
    const hear = (signal: NodeJS.Signals) => {
      if (heard.has(signal)) io.exit(130);
      heard.add(signal);
      resolve(signal);
    };
    io.signals.on('SIGINT', hear);
    io.signals.on('SIGTERM', hear);
  });
  if (isSandboxAlone(config)) {
    const role = await startSandboxRole(config, log);
    io.stdout.write(
      `Reeve listens on ${role.url}\n  sandbox   gRPC, gRPC-Web, Connect\n  data      ${role.workspaces}\n`,
    );
    return stop(role, await stopped, log);
  }
  const reeve = await startReeve({ config, log, command: 'serve', serve: true });
  const lines = [
    `Reeve listens on ${reeve.url}`,
    `  console   ${reeve.url}/`,
    `  try       curl -s ${reeve.url}/execute -H 'content-type: application/json' -d '{"task": "What is 6 * 7?"}'`,
    `  data      ${reeve.dataDirectory} (${reeve.database.kind === 'pglite' ? 'embedded database' : 'workspaces; the database is PostgreSQL'})`,
    `  model     ${config.llmProvider}`,
  ];
  io.stdout.write(`${lines.join('\n')}\n`);
  return stop(reeve, await stopped, log);
}

async function stop(running: AsyncDisposable, signal: string, log: Log): Promise<number> {
  log.info(`${signal}: stopping`);
  await running[Symbol.asyncDispose]();
  log.info('stopped');
  return EXIT.done;
}
