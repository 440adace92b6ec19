import type { DoneCall, PlannedCall } from './call.ts';
import { clip } from './words.ts';

/** Reports the results of a plan's calls, a sentence or a paragraph each; failures are named as such. */
export function report(done: readonly DoneCall[]): string {
  return done.map((one) => [one.call.note ?? [], sentence(one)].flat().join(' ')).join('\n');
}

/** A tool's output as text: the value that matters, without its wrapping. */
export function outputText(output: unknown): string {
  if (typeof output === 'string') return output;
  if (output === null || output === undefined) return '';
  if (typeof output === 'number' || typeof output === 'boolean') return String(output);
  for (const key of ['result', 'value', 'output', 'stdout', 'content', 'text', 'formatted', 'iso', 'time']) {
    const value = (output as Record<string, unknown>)[key];
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  }
  return JSON.stringify(output) ?? '';
}

function sentence({ call, output, isError }: DoneCall): string {
  if (isError) return `${failed(call)}: ${clip(errorText(output).trim(), 1_000) || 'the tool gave no reason'}`;
  const text = outputText(output);
  const { input } = call;
  switch (call.tool) {
    case 'calculator':
      return `${shown(input.expression as string)} = ${clip(text, 1_000)}.`;
    case 'run_code':
    case 'bash_execute':
      return ranCode(call.tool === 'run_code' ? 'code' : 'command', output);
    case 'remember':
      return `I will remember: ${clip(input.text as string, 500)}`;
    case 'recall':
      return recalled(input.query as string, output);
    case 'write_file':
      return `I wrote ${input.path as string}.`;
    case 'edit_file':
      return `I replaced “${clip(input.old_text as string, 200)}” with “${clip(input.new_text as string, 200)}” in ${input.path as string}.`;
    case 'read_file':
      return text === ''
        ? `${input.path as string} is empty.`
        : `${input.path as string} contains:\n${clip(text, 8_000)}`;
    case 'glob_files':
      return listedFiles(input.pattern as string, output);
    case 'web_crawl':
      return fetched(input.url as string, output);
    default:
      return `It is ${clip(clock(output), 500)}.`;
  }
}

/** An expression as its reader wrote percentages. */
function shown(expression: string): string {
  return expression.replace(/\((\d+(?:\.\d+)?) \/ 100\) \* /g, '$1 % of ');
}

function failed({ tool, input }: PlannedCall): string {
  switch (tool) {
    case 'calculator':
      return `I could not calculate ${input.expression as string}`;
    case 'run_code':
      return 'The code failed';
    case 'bash_execute':
      return 'The command failed';
    case 'write_file':
    case 'read_file':
    case 'edit_file':
      return `I could not ${tool.split('_')[0]} ${input.path as string}`;
    case 'current_time':
      return 'I could not look at the clock';
    case 'web_crawl':
      return `I could not fetch ${input.url as string}`;
    default:
      return 'The tool failed';
  }
}

/** Why a call failed: its reason, and a program's standard error. */
function errorText(output: unknown): string {
  const reason = property(output, 'error') ?? property(output, 'message');
  const given = [reason, property(output, 'stderr')].filter((text) => typeof text === 'string' && text.trim() !== '');
  return given.length === 0 ? outputText(output) : given.join('\n');
}

function ranCode(what: string, output: unknown): string {
  if (typeof output !== 'object' || output === null) {
    const text = outputText(output).trimEnd();
    return text === '' ? `The ${what} ran and gave nothing back.` : `The ${what} gave:\n${clip(text, 8_000)}`;
  }
  const parts: string[] = [];
  const value = property(output, 'result') ?? property(output, 'value');
  if (value !== undefined && value !== null && value !== '')
    parts.push(`The ${what} gave: ${clip(typeof value === 'string' ? value : JSON.stringify(value), 8_000)}`);
  const printed = property(output, 'stdout') ?? property(output, 'output');
  if (typeof printed === 'string' && printed.trim() !== '' && printed !== value)
    parts.push(`It printed:\n${clip(printed.trimEnd(), 8_000)}`);
  const complained = property(output, 'stderr');
  if (typeof complained === 'string' && complained.trim() !== '')
    parts.push(`On standard error:\n${clip(complained.trimEnd(), 2_000)}`);
  const exitCode = property(output, 'exit_code');
  if (typeof exitCode === 'number' && exitCode !== 0) parts.push(`Its exit code was ${exitCode}.`);
  return parts.length === 0 ? `The ${what} ran and gave nothing back.` : parts.join('\n');
}

function recalled(query: string, output: unknown): string {
  const items = list(output, ['memories', 'matches', 'results', 'items']).map(outputText);
  const found = items.length > 0 ? items : typeof output === 'string' && output.trim() !== '' ? [output] : [];
  if (found.length === 0) return `I remember nothing about ${clip(query, 200)}.`;
  return `About ${clip(query, 200)} I remember:\n${found
    .slice(0, 20)
    .map((text) => `- ${clip(text, 500)}`)
    .join('\n')}`;
}

function fetched(url: string, output: unknown): string {
  const texts = list(output, ['pages']).map((page) => outputText(page).trim());
  const text = (texts.length > 0 ? texts.join('\n\n') : outputText(output)).trim();
  return text === '' ? `There is no text at ${url}.` : `${url} says:\n${clip(text, 4_000)}`;
}

function listedFiles(pattern: string, output: unknown): string {
  const names = list(output, ['files', 'paths', 'matches', 'results']).map((item) => {
    const path = property(item, 'path') ?? property(item, 'name');
    return typeof path === 'string' ? path : outputText(item);
  });
  const found =
    names.length > 0
      ? names
      : typeof output === 'string'
        ? output.split('\n').filter((line) => line.trim() !== '')
        : [];
  const isAll = pattern === '**/*';
  if (found.length === 0) return isAll ? 'There are no files.' : `No files match ${pattern}.`;
  const shown = found.slice(0, 100).join(', ');
  const more = found.length > 100 ? ` and ${found.length - 100} more` : '';
  const [one, many] = isAll
    ? ['There is 1 file', 'There are # files']
    : [`1 file matches ${pattern}`, `# files match ${pattern}`];
  return `${found.length === 1 ? one : many!.replace('#', String(found.length))}: ${shown}${more}.`;
}

const ISO = /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)T(\d\d:\d\d):\d\d([+-]\d\d:\d\d)$/;
const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** A clock's answer: time, day and zone, else every plain value it gave. */
function clock(output: unknown): string {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return outputText(output);
  const { iso, timezone, weekday } = output as Record<string, unknown>;
  const read = typeof iso === 'string' ? ISO.exec(iso) : null;
  if (read !== null && typeof timezone === 'string' && typeof weekday === 'string') {
    const [, year, month, day, time, offset] = read;
    const zone = timezone === 'UTC' ? timezone : `${timezone}, UTC${offset}`;
    return `${time} on ${weekday}, ${MONTHS[Number(month) - 1]} ${Number(day)}, ${year} (${zone})`;
  }
  const values = Object.values(output).filter((value) => typeof value === 'string');
  return values.length === 0 ? outputText(output) : values.join(', ');
}

function list(output: unknown, keys: readonly string[]): unknown[] {
  if (Array.isArray(output)) return output;
  for (const key of keys) {
    const value = property(output, key);
    if (Array.isArray(value)) return value;
  }
  return [];
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
