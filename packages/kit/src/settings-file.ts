import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ReeveError } from './error.ts';
import { readYaml, type FileProblem } from './yaml.ts';

/**
 * What a YAML file says that a setting names. Throws `invalid_request` naming the setting, the file, and of each thing that is
 * wrong the line and the field.
 */
export function readSettingsFile<Schema extends z.ZodType>(
  variable: string,
  path: string,
  schema: Schema,
): z.output<Schema> {
  const { value, problems, lineOf } = readYaml(readText(variable, path));
  if (problems.length > 0) throw refuse(variable, path, problems);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refuse(
    variable,
    path,
    parsed.error.issues.map((issue) => ({
      line: lineOf(issue.path),
      message: `${issue.path.join('.') || 'the file'}: ${explain(issue)}`,
    })),
  );
}

function readText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const message = `${variable} is ${JSON.stringify(path)}, but that file cannot be read`;
    throw new ReeveError('invalid_request', message, { cause: error, details: [{ path: variable, message }] });
  }
}

function refuse(variable: string, path: string, problems: readonly FileProblem[]): ReeveError {
  const details = problems.map(({ line, message }) => ({
    path: variable,
    message: `${path}, line ${line}: ${message}`,
  }));
  return new ReeveError('invalid_request', details.map(({ message }) => message).join('\n'), { details });
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `it has no field ${issue.keys.join(', ')}`;
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => message).join('; ');
  return issue.message;
}
