import { TenantId, TenantSettings } from '@reeve/contract';
import { readYaml, type FileProblem, type YamlText } from '@reeve/kit';
import { z } from 'zod';
import { patternProblems } from '../policy/pattern.ts';

/** The sections of a tenants file by tenant; `default` is what the others inherit. */
export type TenantSections = ReadonlyMap<string, TenantSettings>;

const MISSING = 'it must hold a mapping of tenants; the least is "default: {}"';
const Table = z.record(TenantId, TenantSettings, {
  error: ({ code }) => (code === 'invalid_type' ? MISSING : undefined),
});

/** Reads the text of a tenants file, or tells everything that is wrong with it, in the order of its lines. */
export function parseTenants(text: string): { sections: TenantSections; problems: readonly FileProblem[] } {
  const { value, problems: unread, lineOf } = readYaml(text);
  const nothing = new Map<string, TenantSettings>();
  if (unread.length > 0) return { sections: nothing, problems: unread };
  const parsed = Table.safeParse(value);
  if (parsed.success) {
    const broken = Object.entries(parsed.data).flatMap(([tenantId, settings]) =>
      patternProblems(settings).map(({ path, message }) => ({
        line: lineOf([tenantId, ...path]),
        message: `${[tenantId, ...path].join('.')}: ${message}`,
      })),
    );
    return { sections: broken.length > 0 ? nothing : new Map(Object.entries(parsed.data)), problems: broken };
  }
  const told = parsed.error.issues.flatMap((issue) => problemsOf(issue, lineOf));
  // A number can break two rules that say the same.
  const problems = new Map(told.map((problem) => [`${problem.line} ${problem.message}`, problem]));
  return { sections: nothing, problems: [...problems.values()].sort((a, b) => a.line - b.line) };
}

function problemsOf(issue: z.core.$ZodIssue, lineOf: YamlText['lineOf']): FileProblem[] {
  const where = issue.path.join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      line: lineOf([...issue.path, key]),
      message: `${where}: there is no field ${key}; ${suggestion(key, knownFields(issue.path))}`,
    }));
  const message = issue.code === 'invalid_key' ? issue.issues.map((inner) => inner.message).join('; ') : issue.message;
  return [{ line: lineOf(issue.path), message: where === '' ? message : `${where}: ${message}` }];
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
