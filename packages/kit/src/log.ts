import { pino, stdSerializers, type Logger } from 'pino';
import pretty from 'pino-pretty';
import { currentContext } from './context.ts';
import { createMask } from './mask.ts';

export type Log = Logger;

export interface LogOptions {
  readonly level: string;
  readonly format: 'json' | 'pretty';
  /** Where lines go; standard error by default, so that standard output stays data. */
  readonly destination?: NodeJS.WritableStream;
  /** Values that are never written, such as the configured keys. */
  readonly secrets?: readonly string[];
}

/**
 * Structured log: one JSON object a line with `timestamp, level, service, message` and, inside a request,
 * `request_id, trace_id, tenant_id`. Secrets are masked: what has such a name, what has the form of one, and those given.
 */
export function createLog(service: string, options: LogOptions): Log {
  const destination = options.destination ?? process.stderr;
  const stream =
    options.format === 'pretty'
      ? pretty({
          destination,
          colorize: (destination as { isTTY?: boolean }).isTTY === true,
          messageKey: 'message',
          timestampKey: 'timestamp',
          ignore: 'service,pid',
        })
      : destination;
  const mask = createMask(options.secrets);
  const masked = { write: (line: string) => (stream as NodeJS.WritableStream).write(mask.text(line)) };
  return pino(
    {
      level: options.level,
      base: { service },
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => mask.value(fields) as Record<string, unknown>,
      },
      serializers: { err: (error: Error) => mask.value({ ...stdSerializers.err(error) }) },
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
    masked,
  );
}

/** A log that says nothing, for tools and tests. */
export const silentLog: Log = pino({ level: 'silent' });
