import { invalidField, type ReeveError } from '@reeve/kit';

/*
 * The cron that is understood has five fields: minute, hour, day of month, month, day of week. Each is a list of numbers and
 * ranges (1-5), or a star for all; a range or a star can have a step (0-30/10). Months and days of the week have their English
 * names of three letters too; Sunday is 0 or 7. `L` by itself as day of month is the last day. Where both days are restricted,
 * either suffices. What dialects disagree on is refused: seconds and years, `?`, `W`, `#`, `@daily`, a step after a single
 * number, a range that runs backwards.
 */

/** One field's bounds and names. */
interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** The first stands for 1 in months and for 0 in days of the week, as `min` says. */
  readonly names: readonly string[];
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day of month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ') },
  { name: 'day of week', min: 0, max: 7, names: 'SUN MON TUE WED THU FRI SAT'.split(' ') },
];
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const LENGTH_LIMIT = 200;

/**
 * A cron as plain numbers, its fields parted by single spaces. Throws `invalid_request` (path `cron`) for anything that is not one,
 * and for one that never comes, such as 30 February.
 */
export function parseCron(text: string): string {
  if (text.length > LENGTH_LIMIT) throw fault(`it has ${text.length} characters; ${LENGTH_LIMIT} are allowed`);
  const parts = text.split(/[ \t]+/).filter((part) => part !== '');
  if (parts.length !== FIELDS.length)
    throw fault(`it has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'} and needs five`);
  const fields = FIELDS.map((field, index) => parseField(field, parts[index]!));
  const [, , days, months, weekdays] = fields as [string, string, string, string, string];
  if (weekdays === '*' && !comes(days, months)) throw fault(`it never comes: no month in it has the day ${parts[2]}`);
  return fields.join(' ');
}

function parseField(field: Field, text: string): string {
  if (field.name === 'day of month' && text.toUpperCase() === 'L') return 'L';
  const items = text.split(',').map((item) => parseItem(field, item));
  return items.includes('*') ? '*' : items.join(',');
}

function parseItem(field: Field, text: string): string {
  const [base = '', step, ...more] = text.split('/');
  const [from = '', to, ...rest] = base.split('-');
  if (more.length > 0 || rest.length > 0) throw notUnderstood(field, text);
  const range = base === '*' ? '*' : parseRange(field, text, from, to);
  if (step === undefined) return range;
  if (base !== '*' && to === undefined)
    throw fault(`${quoted(text)} in the ${field.name} steps from a single number; say ${base}-${field.max}/${step}`);
  const size = /^\d{1,2}$/.test(step) ? Number(step) : 0;
  if (size < 1 || size > field.max)
    throw fault(`the step of ${quoted(text)} in the ${field.name} must be 1 to ${field.max}`);
  return range === '*' && size === 1 ? '*' : `${range}/${size}`;
}

function parseRange(field: Field, text: string, from: string, to: string | undefined): string {
  const low = parseNumber(field, text, from);
  if (to === undefined) return String(low);
  const end = parseNumber(field, text, to);
  const high = field.max === 7 && end === 0 ? 7 : end;
  if (low > high) throw fault(`the range ${quoted(text)} in the ${field.name} runs backwards`);
  return `${low}-${high}`;
}

function parseNumber(field: Field, text: string, part: string): number {
  const named = field.names.indexOf(part.toUpperCase());
  if (named >= 0) return field.min + named;
  if (!/^\d{1,2}$/.test(part)) throw notUnderstood(field, text);
  const number = Number(part);
  if (number < field.min || number > field.max)
    throw fault(`${number} in the ${field.name} is not ${field.min} to ${field.max}`);
  return number;
}

/** True where one of the months has one of the days. */
function comes(days: string, months: string): boolean {
  if (days === 'L') return true;
  const earliest = Math.min(...days.split(',').map((item) => (item.startsWith('*') ? 1 : Number.parseInt(item, 10))));
  return LONGEST_MONTHS.some((length, index) => earliest <= length && includesMonth(months, index + 1));
}

function includesMonth(months: string, month: number): boolean {
  return months.split(',').some((item) => {
    const [range = '', step = '1'] = item.split('/');
    const [low = 1, high = item.includes('-') || range === '*' ? 12 : low] =
      range === '*' ? [] : range.split('-').map(Number);
    return month >= low && month <= high && (month - low) % Number(step) === 0;
  });
}

function notUnderstood(field: Field, text: string): ReeveError {
  const names = field.names.length > 0 ? `, ${field.names[0]} to ${field.names.at(-1)}` : '';
  return fault(
    `${quoted(text)} in the ${field.name} is not understood; it takes ${field.min} to ${field.max}${names}, *, and of these lists, ranges and steps`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 30 ? `${text.slice(0, 30)}…` : text);
}

function fault(problem: string): ReeveError {
  return invalidField(
    'cron',
    `${problem}; right is for example 30 9 * * MON-FRI (minute, hour, day of month, month, day of week)`,
  );
}
