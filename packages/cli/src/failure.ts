import { CommanderError } from 'commander';
import type { CommandIo } from './io.ts';

/** What exit codes mean. A command that was interrupted ends with 130, or 143 by SIGTERM. */
export const EXIT = { done: 0, failed: 1, usage: 2, partly: 3, unreachable: 4, denied: 5 } as const;

/** A command used in a way that cannot work: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What went wrong, as it is shown, and the exit code it means. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { path: string; message: string }[];
  readonly requestId: string | undefined;
  readonly exit: number;
}

/** Prints an error on stderr, as one JSON document where `json`, and answers the exit code it means. */
export async function reportFailure(io: CommandIo, error: unknown, json: boolean): Promise<number> {
  // No subcommand was named: the help that commander has printed says what there is.
  if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
  const { code, message, details, requestId, exit } = await failureOf(io, error);
  if (json) {
    const body = {
      code,
      message,
      ...(details.length > 0 && { details }),
      ...(requestId !== undefined && { request_id: requestId }),
    };
    io.stderr.write(`${JSON.stringify({ error: body }, null, 2)}\n`);
    return exit;
  }
  const more = details.filter((detail) => !message.includes(detail.message));
  const lines = [message.replaceAll('\n', '\n  '), ...more.map((detail) => `  ${detail.path}: ${detail.message}`)];
  io.stderr.write(`reeve: ${lines.join('\n')}\n`);
  return exit;
}

/** What an error of any kind says to a person and to a script. */
export async function failureOf(io: CommandIo, error: unknown): Promise<Failure> {
  const none = { details: [], requestId: undefined };
  if (error instanceof CommanderError) {
    return { ...none, code: 'usage', message: error.message.replace(/^error: /, ''), exit: EXIT.usage };
  }
  if (error instanceof UsageError) return { ...none, code: 'usage', message: error.message, exit: EXIT.usage };
  const [{ ClientError }, { ReeveError }] = await Promise.all([import('@reeve/client'), import('@reeve/kit')]);
  if (error instanceof ClientError) {
    const { code, message, details, requestId, status } = error;
    return { code, message, details, requestId, exit: code === 'unreachable' ? EXIT.unreachable : exitOf(status) };
  }
  if (error instanceof ReeveError) {
    const { reason, message, details, status } = error;
    return { code: reason, message, details, requestId: undefined, exit: exitOf(status) };
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error && (await isDebugging(io)) ? error.stack : undefined;
  return { ...none, code: 'internal', message: stack ?? message, exit: EXIT.failed };
}

function exitOf(status: number): number {
  if (status === 401 || status === 403) return EXIT.denied;
  return status === 400 ? EXIT.usage : EXIT.failed;
}

async function isDebugging(io: CommandIo): Promise<boolean> {
  const { readConfig } = await import('@reeve/server/config');
  try {
    return ['debug', 'trace'].includes(readConfig({}, io).config.logLevel);
  } catch {
    return false;
  }
}
