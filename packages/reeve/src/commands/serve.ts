import { createLog } from '@reeve/kit';
import { readConfig } from '../config.ts';
import { startReeve } from '../start.ts';

export interface ServeFlags {
  readonly host?: string;
  readonly port?: string;
  readonly dataDir?: string;
  readonly roles?: string;
}

/** `reeve serve`: runs the server until SIGINT or SIGTERM, which stop it cleanly; a second one ends it at once. */
export async function serve(flags: ServeFlags): Promise<number> {
  const { config } = readConfig({ REEVE_HOST: flags.host, REEVE_PORT: flags.port, REEVE_DATA_DIR: flags.dataDir, REEVE_ROLES: flags.roles });
  const log = createLog('reeve', { level: config.logLevel, format: config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json') });
  const stopped = new Promise<string>((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      resolve(signal);
      process.once(signal, () => process.exit(130));
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
  const reeve = await startReeve({ config, log, command: 'serve', serve: true });
  const lines = [
    `Reeve listens on ${reeve.url}`,
    `  console   ${reeve.url}/`,
    `  try       curl -s ${reeve.url}/execute -H 'content-type: application/json' -d '{"task": "What is 6 * 7?"}'`,
    `  data      ${reeve.dataDirectory} (${reeve.database.kind === 'pglite' ? 'embedded database' : 'workspaces; the database is PostgreSQL'})`,
    `  model     ${config.llmProvider}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const signal = await stopped;
  log.info(`${signal}: stopping`);
  await reeve[Symbol.asyncDispose]();
  log.info('stopped');
  return 0;
}
