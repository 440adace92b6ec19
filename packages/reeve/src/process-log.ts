import { createLog, type Log } from '@reeve/kit';
import type { Config } from './config.ts';

/** The log of this process, on stderr. */
export function createProcessLog(config: Config, level: string = config.logLevel): Log {
  return createLog('reeve', { level, format: config.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json') });
}
