import { createLog, type Log } from '@reeve/kit';
import { secretsOf, type Config } from './config.ts';

/** The log of this process, on stderr, which tells no configured secret. */
export function createProcessLog(config: Config, level: string = config.logLevel): Log {
  const format = config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  return createLog('reeve', { level, format, secrets: secretsOf(config) });
}
