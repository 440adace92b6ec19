import { compileLinear, isRecord } from '@reeve/kit';
import { cannot, isSame, listOf, type JsonSchema, type SchemaRoot } from './schema.ts';

/** The keywords that say something of a value itself and not of its parts. */
export const VALUE_KEYWORDS = (
  'type enum const minimum exclusiveMinimum maximum exclusiveMaximum multipleOf minLength maxLength pattern format ' +
  'minItems maxItems uniqueItems required minProperties maxProperties'
).split(' ');

/** The texts that are made for a format: as little said as can be. */
export const TEXTS_OF_FORMATS: Readonly<Record<string, string>> = {
  'date-time': '1970-01-01T00:00:00Z',
  date: '1970-01-01',
  time: '00:00:00Z',
  duration: 'PT0S',
  email: 'nobody@example.com',
  hostname: 'localhost',
  ipv4: '0.0.0.0',
  ipv6: '::1',
  uri: 'https://example.com',
  url: 'https://example.com',
  uuid: '00000000-0000-4000-8000-000000000000',
};

const LONGEST_PATTERN = 1_000;

/** Whether a value satisfies one of these keywords. A known format is satisfied by the text made for it only. */
export function satisfies(
  root: SchemaRoot,
  keyword: string,
  schema: JsonSchema,
  value: unknown,
  path: readonly string[],
): boolean {
  const demanded = schema[keyword];
  switch (keyword) {
    case 'type':
      return (Array.isArray(demanded) ? listOf(demanded) : [demanded]).some((type) => isOfType(value, type));
    case 'enum':
      return isOneOf(root, listOf(demanded), value, path);
    case 'const':
      return isOneOf(root, [demanded], value, path);
    default:
  }
  if (typeof value === 'number') return fitsNumber(keyword, Number(demanded), value);
  if (typeof value === 'string') return fitsText(root, keyword, demanded, value, path);
  if (Array.isArray(value)) return fitsArray(root, keyword, demanded, value as unknown[], path);
  return typeof value !== 'object' || value === null || fitsObject(keyword, demanded, value);
}

/**
 * Compiles a pattern to whether a text has a match of it. Throws `invalid_request` naming the keyword for one that is long, or that
 * RE2 does not know, whose time would not be bounded.
 */
export function readPattern(
  root: SchemaRoot,
  pattern: unknown,
  keyword: string,
  path: readonly string[],
): (text: string) => boolean {
  const compiled =
    typeof pattern === 'string' && pattern.length <= LONGEST_PATTERN
      ? compileLinear(pattern, { mayBeEmpty: true })
      : undefined;
  if (compiled === undefined || 'problem' in compiled) throw cannot(keyword, path);
  root.spend(path, 5);
  return (text) => {
    root.spend(path, 1 + text.length / 4);
    return compiled.test(text);
  };
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function isOneOf(root: SchemaRoot, choices: readonly unknown[], value: unknown, path: readonly string[]): boolean {
  return choices.some((choice) => {
    root.spend(path, typeof choice === 'object' && choice !== null ? JSON.stringify(choice).length / 100 : 0.1);
    return isSame(choice, value);
  });
}

function fitsNumber(keyword: string, bound: number, value: number): boolean {
  switch (keyword) {
    case 'minimum':
      return value >= bound;
    case 'exclusiveMinimum':
      return value > bound;
    case 'maximum':
      return value <= bound;
    case 'exclusiveMaximum':
      return value < bound;
    case 'multipleOf':
      return Number.isInteger(value / bound);
    default:
      return true;
  }
}

function fitsText(
  root: SchemaRoot,
  keyword: string,
  demanded: unknown,
  text: string,
  path: readonly string[],
): boolean {
  switch (keyword) {
    case 'minLength':
      return [...text].length >= Number(demanded);
    case 'maxLength':
      return [...text].length <= Number(demanded);
    case 'pattern':
      return readPattern(root, demanded, keyword, path)(text);
    case 'format':
      return !Object.hasOwn(TEXTS_OF_FORMATS, String(demanded)) || TEXTS_OF_FORMATS[String(demanded)] === text;
    default:
      return true;
  }
}

function fitsArray(
  root: SchemaRoot,
  keyword: string,
  demanded: unknown,
  items: readonly unknown[],
  path: readonly string[],
): boolean {
  switch (keyword) {
    case 'minItems':
      return items.length >= Number(demanded);
    case 'maxItems':
      return items.length <= Number(demanded);
    case 'uniqueItems': {
      if (demanded !== true) return true;
      const texts = items.map((item) => JSON.stringify(item));
      root.spend(path, texts.reduce((sum, { length }) => sum + length, 0) / 100);
      return new Set(texts).size === items.length;
    }
    default:
      return true;
  }
}

function fitsObject(keyword: string, demanded: unknown, value: object): boolean {
  switch (keyword) {
    case 'required':
      return listOf(demanded).every((name) => Object.hasOwn(value, String(name)));
    case 'minProperties':
      return Object.keys(value).length >= Number(demanded);
    case 'maxProperties':
      return Object.keys(value).length <= Number(demanded);
    default:
      return true;
  }
}
