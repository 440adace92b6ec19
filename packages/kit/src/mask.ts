/** What stands where a secret was. */
export const MASKED = '***';
const DEEPEST = 8;

/** Names whose values are secrets, wherever they stand; `output_tokens` is none. */
const SECRET_NAME =
  /(?:pass(?:word|wd|phrase)?|secret|token|cookie|authorization|credentials?|api[-_]?key|private[-_]?key|x-api-key)s?$/i;

/** Forms of secrets in free text, with what stays of each. None may begin anew within what it has looked at: a text may be hostile. */
const FORMS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)(\s+)[\w.~+/=-]{4,}/gi, `$1$2${MASKED}`],
  [/\brv_\w{6,}/g, `rv_${MASKED}`],
  [/\bsk-[\w-]{8,}/g, `sk-${MASKED}`],
  [/\bAIza[\w-]{20,}/g, MASKED],
  [/\beyJ[\w-]{5,1000}\.[\w-]{5,}\.[\w-]*/g, MASKED],
  [/([?&;](?:[\w.-]*(?:key|token|secret|passw(?:or)?d|signature|credential|code))=)[^&\s"#\\]+/gi, `$1${MASKED}`],
  // A field of JSON inside a text of JSON.
  [
    /(\\"[\w-]*(?:passw(?:or)?d|secret|token|authorization|cookie|api[-_]?key)\\"\s*:\s*\\")(?:[^"\\]|\\\\.)+/gi,
    `$1${MASKED}`,
  ],
];

/** Takes secrets out of what is written down. */
export interface Mask {
  /** A value for a line of JSON, without what has the name of a secret. What it is given stays as it is. */
  value(value: unknown): unknown;
  /** A line, without the secrets that are known and without what looks like one. */
  text(line: string): string;
}

/**
 * Finds secrets in a text, also where they are written as in JSON or in an address; undefined where there are none. Those with less
 * than `shortest` characters are left out.
 */
export function patternOfSecrets(secrets: readonly string[], shortest: number): RegExp | undefined {
  const forms = secrets
    .filter((secret) => secret.length >= shortest)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])
    .toSorted((a, b) => b.length - a.length);
  return forms.length === 0 ? undefined : new RegExp([...new Set(forms)].map(RegExp.escape).join('|'), 'g');
}

const SHORTEST = 6;

/** `secrets`: values that must never be written, whatever stands around them; those of less than 6 characters are left out. */
export function createMask(secrets: readonly string[] = []): Mask {
  const exact = patternOfSecrets(secrets, SHORTEST);
  return {
    value: (value) => maskNames(value, 0),
    text(line) {
      let masked = exact === undefined ? line : line.replace(exact, MASKED);
      for (const [form, rest] of FORMS) masked = masked.replace(form, rest);
      return masked.includes('://') ? masked.replace(/[^\s"]+/g, maskAddress) : masked;
    },
  };
}

const USER = /:\/\/[^:/@\\]*:/;

/** Without the password of an address, which may hold an @. */
function maskAddress(text: string): string {
  const user = USER.exec(text);
  const end = text.lastIndexOf('@');
  const from = user === null ? Infinity : user.index + user[0].length;
  return from > end ? text : `${text.slice(0, from)}${MASKED}${text.slice(end)}`;
}

function maskNames(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Error) return value;
  if (depth === DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((item) => maskNames(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_NAME.test(name) && holdsText(item) ? MASKED : maskNames(item, depth + 1),
    ]),
  );
}

/** Numbers and flags tell nothing: counts of tokens have such names. */
function holdsText(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'object' && value !== null);
}
