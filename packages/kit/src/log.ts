import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { currentContext } from './context.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Where lines go; standard error by default, so that standard output stays data. */
  readonly destination?: NodeJS.WritableStream;
}

/** Keys that hold secrets. */
const SECRETS = [
  'api_key',
  'apiKey',
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'x-api-key',
  'x-internal-service-secret',
];

/**
 * Structured log: one JSON object a line with `timestamp, level, service, message` and, inside a request,
 * `request_id, trace_id, tenant_id`. Keys that hold secrets, such as `password`,
 * are masked down to the third level.
 */
export function createLog(service: string, options: LogOptions): Log {
  const destination = options.destination ?? process.stderr;
  const stream =
    options.format === 'pretty'
      ? pretty({
          destination,
          colorize: process.stderr.isTTY,
          messageKey: 'message',
          timestampKey: 'timestamp',
          ignore: 'service,pid',
        })
      : destination;
  return pino(
    {
      level: options.level,
      base: { service },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]), censor: '***' },
      mixin: () => {
        const context = currentContext();
        if (context === undefined) return {};
        return {
          request_id: context.requestId,
          trace_id: context.traceId,
          ...(context.tenantId && { tenant_id: context.tenantId }),
        };
      },
    },
    stream as NodeJS.WritableStream,
  );
}

/** A log that says nothing, for tools and tests. */
export const silentLog: Log = pino({ level: 'silent' });
