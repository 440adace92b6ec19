/** A duration for people: `840 ms`, `3.2 s`, `4 min 5 s`, `2 h 3 min`. Milliseconds in. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A count with thousands separators. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A size for people: `840 B`, `1.2 KiB`, `64 MiB`. Bytes in. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), BYTE_UNITS.length);
  const amount = bytes / 1024 ** power;
  return `${amount < 10 ? Math.round(amount * 10) / 10 : Math.round(amount)} ${BYTE_UNITS[power - 1]}`;
}

const BYTE_UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A decimal string of USD, short: at least two decimals, at most six, `<$0.000001` below that. */
export function formatCost(usd: string): string {
  const amount = Number(usd);
  if (amount > 0 && amount < 0.000001) return '<$0.000001';
  return `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}

/** How long ago a time was, seen from `now` (milliseconds): `just now`, `5 min ago`, else the date. */
export function formatAgo(iso: string, now: number): string {
  const seconds = Math.round((now - Date.parse(iso)) / 1000);
  if (seconds < 10) return seconds < -10 ? formatDate(iso) : 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return formatDate(iso);
}

/** Date and time in the reader's zone, to the second. */
export function formatDate(iso: string): string {
  return new Date(iso).toLocaleString('en-US', {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
}

/** The end of an identifier, which is what tells two UUIDs of the same minute apart. */
export function shortId(id: string): string {
  return id.length > 8 ? `…${id.slice(-8)}` : id;
}

/** The first line that holds something, cut to `max` characters. */
export function firstLine(text: string, max = 160): string {
  const line =
    text
      .split('\n')
      .find((candidate) => candidate.trim() !== '')
      ?.trim() ?? '';
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** The first line of a markdown text without its marks, for a list. */
export function firstLineOfMarkdown(text: string): string {
  return firstLine(text.replace(/^\s*(?:```.*\n)?/, ''))
    .replace(/^(?:#{1,6}|[-*+>]|\d+\.)\s+/, '')
    .replace(/\*\*|`/g, '');
}

/** Any value as text to read: strings as they are, everything else as indented JSON. */
export function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');
}

/** Any value on one short line, for a collapsed row. */
export function formatInline(value: unknown, max = 120): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return firstLine(text.replace(/\s+/g, ' '), max);
}
