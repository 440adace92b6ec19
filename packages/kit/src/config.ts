import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ReeveError } from './error.ts';
import { readYaml } from './yaml.ts';

/** One configuration value: its environment variable, its schema (with default) and whether it is a secret. */
export interface Setting<S extends z.ZodType = z.ZodType> {
  readonly variable: string;
  /** An earlier name of the variable, which still works; the current name takes precedence within each source. */
  readonly formerly?: string;
  readonly schema: S;
  readonly secret: boolean;
}

/** A package's settings; `server/src/config.ts` composes them into one object. */
export type Settings = Readonly<Record<string, Setting>>;
export type ConfigOf<S extends Settings> = { readonly [K in keyof S]: z.output<S[K]['schema']> };

export type Origin = 'environment' | 'file' | 'reeve.yaml' | 'default';
export interface ConfigValue {
  readonly variable: string;
  /** As text, secrets masked; empty where unset. */
  readonly shown: string;
  readonly origin: Origin;
  readonly description: string;
}

export function setting<S extends z.ZodType>(
  variable: string,
  schema: S,
  options: { readonly formerly?: string } = {},
): Setting<S> {
  return { variable, schema, secret: false, ...options };
}

/** A setting that is never shown; it can also come from the file that `<NAME>_FILE` names. */
export function secret<S extends z.ZodType>(variable: string, schema: S): Setting<S> {
  return { variable, schema, secret: true };
}

/** Text such as "true", "1", "yes", "on" and their opposites as a boolean. */
export const flag = z.union([z.boolean(), z.stringbool()]);

/**
 * Reads settings from the environment first, then `reeve.yaml` (key: the variable's name in lower case without
 * `reeve_`), then defaults. Every wrong value is reported at once, with its variable, the value and what is allowed.
 */
export function loadConfig<S extends Settings>(
  settings: S,
  environment: Readonly<Record<string, string | undefined>>,
  yamlText = '',
): { config: ConfigOf<S>; values: ConfigValue[] } {
  const file = settingsOf(yamlText);
  const config: Record<string, unknown> = {};
  const values: ConfigValue[] = [];
  const problems: { path: string; message: string }[] = [];
  for (const [name, { variable, formerly, schema, secret }] of Object.entries(settings)) {
    try {
      const { raw, origin } = find(namesOf({ variable, formerly }), environment, file);
      const parsed = schema.safeParse(raw);
      if (parsed.success) {
        config[name] = parsed.data;
        values.push({ variable, origin, shown: show(parsed.data, secret), description: schema.description ?? '' });
      } else {
        const allowed = parsed.error.issues.map((issue) => issue.message).join('; ');
        problems.push({
          path: variable,
          message: `${variable} is ${secret ? '***' : maskPasswords(JSON.stringify(raw))}, but ${allowed}`,
        });
      }
    } catch (error) {
      problems.push({ path: variable, message: ReeveError.from(error).message });
    }
  }
  const known = new Set(Object.values(settings).flatMap((one) => namesOf(one).map(yamlKey)));
  for (const key of Object.keys(file))
    if (!known.has(key)) problems.push({ path: key, message: `reeve.yaml: unknown key ${key}` });
  if (problems.length > 0) {
    throw new ReeveError('invalid_request', problems.map(({ message }) => message).join('\n'), { details: problems });
  }
  return { config: config as ConfigOf<S>, values };
}

export function yamlKey(variable: string): string {
  return variable.toLowerCase().replace(/^reeve_/, '');
}

function settingsOf(text: string): Record<string, unknown> {
  const { value, problems } = readYaml(text);
  const [problem] = problems;
  if (problem !== undefined)
    throw new ReeveError('invalid_request', `reeve.yaml, line ${problem.line}: not valid YAML: ${problem.message}`);
  const parsed = value ?? {};
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new ReeveError('invalid_request', 'reeve.yaml must be a mapping of settings');
  return parsed as Record<string, unknown>;
}

function namesOf({ variable, formerly }: { variable: string; formerly?: string | undefined }): string[] {
  return formerly === undefined ? [variable] : [variable, formerly];
}

/** The first value that is given, by source and then by name. Null and blank count as not given, since they would pass for 0. */
function find(
  names: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  file: Record<string, unknown>,
) {
  const direct = names.map((name) => environment[name]).find((value) => !isBlank(value));
  if (direct !== undefined) return { raw: direct, origin: 'environment' as const };
  for (const name of names) {
    const path = environment[`${name}_FILE`];
    if (path !== undefined && !isBlank(path)) return { raw: readValueFile(name, path), origin: 'file' as const };
  }
  const fromFile = names.map((name) => file[yamlKey(name)]).find((value) => !isBlank(value));
  if (fromFile !== undefined) return { raw: fromFile, origin: 'reeve.yaml' as const };
  return { raw: undefined, origin: 'default' as const };
}

function readValueFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ReeveError(
      'invalid_request',
      `${variable}_FILE is ${JSON.stringify(path)}, but that file cannot be read`,
      { cause: error },
    );
  }
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

function show(value: unknown, secret: boolean): string {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) return '';
  if (secret) return '***';
  if (Array.isArray(value)) return maskPasswords(value.join(','));
  return maskPasswords(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Without the passwords of URLs; up to the last @, since a password may hold any character. */
function maskPasswords(text: string): string {
  return text.replace(/:\/\/([^\s:/@]*):\S*@/g, '://$1:***@');
}
