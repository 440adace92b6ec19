/**
 * JSON text, or one member of the object that it is, in one form, whatever form it came in: keys in the order of their UTF-16
 * units, no spaces, numbers as JavaScript writes them (RFC 8785). A number that a double does not hold exactly keeps all its
 * digits, as `d.ddde±n`.
 */
export function canonicalJson(text: string, member?: string): string {
  const value: unknown = MAY_BE_INEXACT.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  return written(member === undefined ? value : ((value as Record<string, unknown>)[member] ?? null));
}

/** Every number that is not exact in a double has sixteen digits or more, a fraction or an exponent. */
const MAY_BE_INEXACT = /\d{16}|\d\.\d|\d[eE]/;

/** A number as decimal digits. */
class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined) return value;
  const digits = digitsOf(source);
  return Number.isFinite(value) && digits === digitsOf(String(value)) ? value : new Digits(digits);
}

/** One text for each decimal number. */
function digitsOf(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = all.replace(/0+$/, '');
  if (significant === '') return '0';
  const power = BigInt(exponent) + BigInt(all.length - 1 - fraction.length);
  const rest = significant.slice(1);
  return `${sign}${significant[0]}${rest === '' ? '' : `.${rest}`}e${power}`;
}

function written(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  const object = value as Record<string, unknown>;
  let text = '';
  for (const key of Object.keys(object).sort())
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${written(object[key])}`;
  return `{${text}}`;
}
