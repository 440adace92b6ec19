import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { UsageError } from './failure.ts';

/** Makes an action of work that answers its exit code. */
export function exitWith<Args extends unknown[]>(
  work: (...args: Args) => Promise<number>,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    process.exitCode = await work(...args);
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
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InvalidArgumentError('It must be a JSON object, such as \'{"key": "value"}\'.');
}

/** The JSON object in a file; `-` is standard input. */
export function readJsonFile(path: string): Record<string, unknown> {
  try {
    return jsonObject(readTextFile(path));
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new UsageError(`${path} does not hold a JSON object`);
    throw error;
  }
}

/** The text of a file; `-` is standard input. */
export function readTextFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
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
