import type { ErrorDetail } from '@reeve/contract';
import { fieldMessage, ReeveError } from '@reeve/kit';
import type { z } from 'zod';

/** The value as its schema reads it; throws `invalid_request` that names every wrong field and what would be right. */
export function validate<S extends z.ZodType>(
  schema: S,
  value: unknown,
  where: 'body' | 'query' | 'path',
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.flatMap((issue) => detailsOf(issue, where)).slice(0, 50);
  const [first] = details;
  throw new ReeveError('invalid_request', first === undefined ? `the ${where} is not valid` : fieldMessage(first), {
    details,
  });
}

type Issue = z.core.$ZodIssue;

/** Characters of a path that are shown: a caller's own field names may be of any length. */
const PATH_LENGTH = 200;

function detailsOf(issue: Issue, where: string): ErrorDetail[] {
  const path = issue.path.map(String).join('.').slice(0, PATH_LENGTH);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: (path === '' ? key : `${path}.${key}`).slice(0, PATH_LENGTH),
      message: 'is not a known field',
    }));
  }
  return [{ path: path === '' ? where : path, message: messageOf(issue) }];
}

function messageOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined && / received undefined/.test(issue.message)
        ? 'is required'
        : `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return generic(issue.message)
        ? `must ${bound(issue.origin)} at least ${issue.minimum}${unit(issue.origin)}`
        : issue.message;
    case 'too_big':
      return generic(issue.message)
        ? `must ${bound(issue.origin)} at most ${issue.maximum}${unit(issue.origin)}`
        : issue.message;
    case 'invalid_format':
      return generic(issue.message) ? `must be a valid ${issue.format}` : issue.message;
    case 'not_multiple_of':
      return 'must be a whole number';
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
    case 'custom':
      return generic(issue.message) ? 'is not valid' : issue.message;
  }
}

/** zod's own wording, as against one that the contract gives. */
function generic(message: string): boolean {
  return /^(Invalid|Too (small|big)|Unrecognized)/.test(message);
}

function article(expected: string): string {
  if (expected === 'int') return 'a whole number';
  if (expected === 'record') return 'an object';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function bound(origin: string): string {
  return origin === 'string' || origin === 'array' || origin === 'set' ? 'have' : 'be';
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' items' : '';
}
