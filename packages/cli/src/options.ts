import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { isRecord, parseDuration } from '@reeve/kit';
import { InvalidArgumentError, type Command } from 'commander';
import { UsageError } from './failure.ts';
import type { CommandIo } from './io.ts';
import type { OutputOptions } from './output.ts';

/** Which part of a list is asked for, and how it is shown. */
export interface ListOptions extends OutputOptions {
  readonly limit: number;
  readonly offset: number;
}

/** Gives a command that lists things the options of every list. */
export function withListOptions(command: Command): Command {
  return command
    .option('--limit <number>', 'how many', wholeNumber(1, 200), 50)
    .option('--offset <number>', 'how many to leave out first', wholeNumber(0, 10_000_000), 0)
    .option(...JSON_OPTION);
}

/** Adds a command that works on what has an id, and prints it. */
export function addOnId(
  io: CommandIo,
  command: Command,
  name: string,
  description: string,
  work: (io: CommandIo, id: string, options: OutputOptions) => Promise<number>,
): void {
  command
    .command(`${name} <id>`)
    .description(description)
    .option(...JSON_OPTION)
    .addHelpText('after', examples(`reeve ${command.name()} ${name} 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11`))
    .action(exitWith(io, work));
}

/** The option of every command that prints data. */
export const JSON_OPTION = ['--json', 'print JSON'] as const;

/** Makes an action of work that answers its exit code; `runCommandLine` finds it in `io`. */
export function exitWith<Args extends unknown[]>(
  io: CommandIo,
  work: (io: CommandIo, ...args: Args) => Promise<number>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    io.exitCode = await work(io, ...args);
  };
}

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^-?\d+$/.test(text) && number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** A length of time such as `90s`, `15m`, `2h` or `7d`, in seconds. */
export function seconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It must be a number with s, m, h or d: 90s, 15m, 2h, 7d.');
  return ms / 1_000;
}

/** A repeatable option's values. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

/** A repeatable `name=value`; a value that is JSON is read as JSON, any other is text. */
export function collectParameter(
  text: string,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const [, name, value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [name]: jsonOr(value) };
}

/** A JSON object. */
export function jsonObject(text: string): Record<string, unknown> {
  const value = jsonOr(text);
  if (isRecord(value)) return value;
  throw new InvalidArgumentError('It must be a JSON object, such as \'{"key": "value"}\'.');
}

/** The JSON object in a file; `-` is standard input. */
export async function readJsonFile(io: CommandIo, path: string): Promise<Record<string, unknown>> {
  try {
    return jsonObject(await readTextFile(io, path));
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new UsageError(`${path} does not hold a JSON object`);
    throw error;
  }
}

/** The text of a file; `-` is standard input. */
export async function readTextFile({ stdin, directory }: CommandIo, path: string): Promise<string> {
  try {
    return await (path === '-' ? text(stdin) : readFile(resolve(directory, path), 'utf8'));
  } catch (error) {
    throw new UsageError(`${path === '-' ? 'standard input' : path} cannot be read: ${(error as Error).message}`);
  }
}

/** Examples below a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
