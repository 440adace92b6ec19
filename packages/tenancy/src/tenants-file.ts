import { TenantId, TenantSettings } from '@reeve/contract';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';

/** What is wrong in a tenants file, and in which line, from 1. */
export interface FileProblem {
  readonly line: number;
  readonly message: string;
}

/** The sections of a tenants file by tenant; `default` is what the others inherit. */
export type TenantSections = ReadonlyMap<string, TenantSettings>;

const MISSING = 'it must hold a mapping of tenants; the least is "default: {}"';
const Table = z.record(TenantId, TenantSettings, {
  error: ({ code }) => (code === 'invalid_type' ? MISSING : undefined),
});

/** Reads the text of a tenants file, or tells everything that is wrong with it, in the order of its lines. */
export function parseTenants(text: string): { sections: TenantSections; problems: readonly FileProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const nothing = new Map<string, TenantSettings>();
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ pos, message }) => ({
      line: lines.linePos(pos[0]).line,
      message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
    }));
    return { sections: nothing, problems };
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // Aliases that stand for far too much are refused when they are followed.
    return {
      sections: nothing,
      problems: [{ line: 1, message: error instanceof Error ? error.message : String(error) }],
    };
  }
  const parsed = Table.safeParse(value);
  if (parsed.success) return { sections: new Map(Object.entries(parsed.data)), problems: [] };
  const told = parsed.error.issues.flatMap((issue) => problemsOf(issue, document, lines));
  // A number can break two rules that say the same.
  const problems = new Map(told.map((problem) => [`${problem.line} ${problem.message}`, problem]));
  return { sections: nothing, problems: [...problems.values()].sort((a, b) => a.line - b.line) };
}

function problemsOf(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): FileProblem[] {
  const where = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      line: lineOf(document, lines, [...issue.path, key]),
      message: `${where}: there is no field ${key}; ${suggestion(key, knownFields(issue.path))}`,
    }));
  const message = issue.code === 'invalid_key' ? issue.issues.map((inner) => inner.message).join('; ') : issue.message;
  return [{ line: lineOf(document, lines, issue.path), message: where === '' ? message : `${where}: ${message}` }];
}

/** The fields that a mapping at this path can have. */
function knownFields([, field]: readonly PropertyKey[]): string[] {
  if (field === undefined) return Object.keys(TenantSettings.shape);
  const inner = TenantSettings.shape[field as keyof typeof TenantSettings.shape].unwrap();
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function suggestion(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, distance: distanceOf(key.toLowerCase(), name) }))
    .sort((a, b) => a.distance - b.distance);
  const all = `known are ${known.join(', ')}`;
  return nearest !== undefined && nearest.distance <= Math.max(2, nearest.name.length / 2)
    ? `did you mean ${nearest.name}? ${all}`
    : all;
}

/** How many letters must be put in, taken out or exchanged to make one text of the other (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= Math.min(a.length, 100); i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The line of a field's name, or of the nearest field that contains it. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const at = positionOf(document, path.slice(0, length));
    if (at !== undefined) return lines.linePos(at).line;
  }
  return 1;
}

function positionOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  const items = (parent as { items?: unknown } | null | undefined)?.items;
  if (!Array.isArray(items)) return undefined;
  // In a mapping the items are pairs, in a list the values themselves.
  const item = items.find((pair: Pair, index) =>
    pair.key === undefined ? index === key : String(pair.key.value) === key,
  ) as Pair | undefined;
  return (item?.key ?? item)?.range?.[0];
}

interface Pair {
  readonly key?: { readonly value?: string | number | boolean | null; readonly range?: readonly number[] };
  readonly range?: readonly number[];
}
