import { createLog, type Log } from '@reeve/kit';
import { secretsOf, type Config } from './config.ts';

/** The log of a process, on its stderr. Configured secrets are masked. */
export function createProcessLog(
  config: Config,
  stderr: NodeJS.WritableStream & { readonly isTTY?: boolean },
  level: string = config.logLevel,
): Log {
  const format = config.logFormat ?? (stderr.isTTY ? 'pretty' : 'json');
  return createLog('reeve', { level, format, destination: stderr, secrets: secretsOf(config) });
}
