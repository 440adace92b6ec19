import { cannot, type JsonSchema, type SchemaRoot } from './schema.ts';
import { readPattern, TEXTS_OF_FORMATS } from './value-keywords.ts';

const MOST_CHARACTERS = 100_000;
/** Tried where a pattern must match, from the shortest. */
const PATTERN_TEXTS = [
  ...['', '0', 'a', 'A', '-', '00', 'aa', 'AA', '000', 'aaa', 'AAA', '0000', '00000', 'A-0', 'AAA-000', '000-0000'],
  ...['0.0.0', '+10000000000', '00:00', '#000000', ...Object.values(TEXTS_OF_FORMATS)],
];

/** The first text that fits: what is known, else as little as may be. Throws `invalid_request` where none of those tried fits. */
export function makeText(root: SchemaRoot, schema: JsonSchema, known: unknown, path: readonly string[]): string {
  const least = Number(schema['minLength'] ?? 0);
  const most = Number(schema['maxLength'] ?? Infinity);
  const { format, pattern } = schema;
  if (least > MOST_CHARACTERS) throw cannot('minLength', path);
  root.spend(path, least / 100);
  const ofFormat = Object.hasOwn(TEXTS_OF_FORMATS, String(format)) ? TEXTS_OF_FORMATS[String(format)] : undefined;
  const plain = typeof known === 'string' ? [...known].slice(0, most).join('') : undefined;
  const candidates =
    ofFormat === undefined
      ? [...(plain === undefined ? [] : [plain]), '', ...(pattern === undefined ? [] : PATTERN_TEXTS)]
      : [ofFormat];
  const padded = ofFormat === undefined ? candidates.map((text) => text.padEnd(least, '-')) : [];
  const isMatch = pattern === undefined ? () => true : readPattern(root, pattern, 'pattern', path);
  const found = [...candidates, ...padded].find((text) => {
    const { length } = [...text];
    return length >= least && length <= most && isMatch(text);
  });
  if (found === undefined)
    throw cannot(pattern !== undefined ? 'pattern' : ofFormat === undefined ? 'maxLength' : 'format', path);
  root.spend(path, found.length / 100);
  return found;
}

/** The first number that fits: what is known, else 0, else one at an end of its range. Throws `invalid_request` where none fits. */
export function makeNumber(schema: JsonSchema, isWhole: boolean, known: unknown, path: readonly string[]): number {
  const step = Number(schema['multipleOf'] ?? 0) || (isWhole ? 1 : 0);
  const [least, above] = [Number(schema['minimum'] ?? -Infinity), Number(schema['exclusiveMinimum'] ?? -Infinity)];
  const [most, below] = [Number(schema['maximum'] ?? Infinity), Number(schema['exclusiveMaximum'] ?? Infinity)];
  const isOfStep = (value: number) => step === 0 || Number.isInteger(value / step);
  const isGood = (value: number) =>
    value >= least &&
    value > above &&
    value <= most &&
    value < below &&
    isOfStep(value) &&
    (!isWhole || Number.isInteger(value));
  const low = Math.max(least, above);
  const high = Math.min(most, below);
  const up = step === 0 ? low + 1 : Math.ceil(low / step) * step;
  const down = step === 0 ? high - 1 : Math.floor(high / step) * step;
  const candidates = [known, 0, low, up, up + step, high, down, down - step, (low + high) / 2];
  const found = candidates.find((value) => typeof value === 'number' && Number.isFinite(value) && isGood(value));
  if (found === undefined) throw cannot(step > 0 && !isWhole ? 'multipleOf' : 'minimum', path);
  return Object.is(found, -0) ? 0 : (found as number);
}
