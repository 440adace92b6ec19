import type { ErrorDetail, McpServer } from '@reeve/contract';
import type { McpServerChange, NewMcpServer } from '../../api/mcp.ts';

/** What the server shows in place of a value that it keeps to itself; sent back, it stands for that value. */
export const KEPT = '***';

/** A header or a variable as it is typed. */
export interface ValueDraft {
  /** Tells rows apart while their names change. */
  readonly key: number;
  readonly name: string;
  readonly value: string;
}

/** A server as it is asked for. What belongs to the other transport is not sent. */
export interface McpDraft {
  readonly transport: McpServer['transport'];
  readonly name: string;
  readonly url: string;
  readonly headers: readonly ValueDraft[];
  readonly command: string;
  /** One a line. */
  readonly args: string;
  readonly env: readonly ValueDraft[];
  /** Milliseconds; text while it is no number. */
  readonly timeoutMs: number | string;
  readonly enabled: boolean;
}

/** The fields of the request that have a place in the form. */
export const MCP_FIELDS = {
  http: ['name', 'url', 'headers', 'timeout_ms', 'enabled'],
  stdio: ['name', 'command', 'args', 'env', 'timeout_ms', 'enabled'],
} as const;

export const emptyMcp: McpDraft = {
  transport: 'http',
  name: '',
  url: '',
  headers: [],
  command: '',
  args: '',
  env: [],
  timeoutMs: 60_000,
  enabled: true,
};

export function draftOf(server: McpServer): McpDraft {
  const { transport, name, url, headers, command, args, env, timeout_ms: timeoutMs, enabled } = server;
  const text = { url: url ?? '', command: command ?? '', args: args.join('\n') };
  return { transport, name, ...text, headers: rowsOf(headers), env: rowsOf(env), timeoutMs, enabled };
}

function rowsOf(values: Readonly<Record<string, string>>): ValueDraft[] {
  return Object.entries(values).map(([name, value], key) => ({ key, name, value }));
}

/** Rows with one empty one more. */
export function withRow(rows: readonly ValueDraft[]): ValueDraft[] {
  return [...rows, { key: Math.max(-1, ...rows.map(({ key }) => key)) + 1, name: '', value: '' }];
}

type ValueField = 'headers' | 'env';

/** Where the rows of a draft's transport are sent. */
function valueFieldOf({ transport }: McpDraft): ValueField {
  return transport === 'http' ? 'headers' : 'env';
}

/** Names of headers are the same in any case, those of variables are not. */
function fold(field: ValueField, name: string): string {
  return field === 'headers' ? name.toLowerCase() : name;
}

/** What is wrong with rows that the request could not show, by their keys. */
export function rowFaults(draft: McpDraft): Readonly<Record<number, string>> {
  const faults: Record<number, string> = {};
  const names = new Set<string>();
  const field = valueFieldOf(draft);
  for (const { key, name, value } of draft[field]) {
    const plain = fold(field, name.trim());
    if (plain === '' && value !== '') faults[key] = 'give it a name';
    if (plain !== '' && names.has(plain)) faults[key] = 'is named above already';
    names.add(plain);
  }
  return faults;
}

/** The server's findings about single rows, by their keys, and the rest. */
export function placeRowFaults(
  draft: McpDraft,
  details: readonly ErrorDetail[],
): { readonly byKey: Readonly<Record<number, string>>; readonly others: readonly ErrorDetail[] } {
  const byKey: Record<number, string> = {};
  const others: ErrorDetail[] = [];
  const field = valueFieldOf(draft);
  for (const detail of details) {
    const row = draft[field].find(({ name }) => detail.path === `${field}.${name.trim()}`);
    if (row === undefined) others.push(detail);
    else byKey[row.key] = detail.message;
  }
  return { byKey, others };
}

/** The request that makes a server. */
export function serverOf(draft: McpDraft): NewMcpServer {
  const { transport, name, url, headers, command, args, env, timeoutMs, enabled } = draft;
  return {
    name: name.trim(),
    ...(transport === 'http'
      ? { url: url.trim(), headers: valuesOf(headers) }
      : { transport, command: command.trim(), args: linesOf(args), env: valuesOf(env) }),
    enabled,
    ...(timeoutMs !== '' && { timeout_ms: Number(timeoutMs) }),
  };
}

/**
 * What a draft changes. With another address or program all values are sent: left out they would not go along to another one, and
 * the server shall say so instead.
 */
export function changesOf(server: McpServer, draft: McpDraft): McpServerChange {
  const { name, timeout_ms: timeoutMs = server.timeout_ms, enabled } = serverOf(draft);
  const before = draftOf(server);
  const isMoved = {
    url: draft.url.trim() !== before.url,
    command: draft.command.trim() !== before.command,
    args: draft.args !== before.args,
  };
  return {
    ...(name !== server.name && { name }),
    ...(draft.transport === 'http'
      ? {
          ...(isMoved.url && { url: draft.url.trim() }),
          ...changedValues('headers', server.headers, draft.headers, isMoved.url),
        }
      : {
          ...(isMoved.command && { command: draft.command.trim() }),
          ...(isMoved.args && { args: linesOf(draft.args) }),
          ...changedValues('env', server.env, draft.env, isMoved.command || isMoved.args),
        }),
    ...(timeoutMs !== server.timeout_ms && { timeout_ms: timeoutMs }),
    ...(enabled !== server.enabled && { enabled: enabled ?? true }),
  };
}

function changedValues(
  field: ValueField,
  before: Readonly<Record<string, string>>,
  rows: readonly ValueDraft[],
  isMoved: boolean,
): Pick<McpServerChange, ValueField> {
  const values = valuesOf(rows);
  const left = new Set(Object.keys(values).map((name) => fold(field, name)));
  const gone = Object.keys(before).filter((name) => !left.has(fold(field, name)));
  const isOther = gone.length > 0 || Object.entries(values).some(([name, value]) => before[name] !== value);
  if (!isOther && (!isMoved || Object.keys(values).length === 0)) return {};
  return { [field]: { ...values, ...Object.fromEntries(gone.map((name) => [name, null])) } };
}

function valuesOf(rows: readonly ValueDraft[]): Record<string, string> {
  const named = rows.filter(({ name }) => name.trim() !== '');
  return Object.fromEntries(named.map(({ name, value }) => [name.trim(), value]));
}

/** Lines as they stand; a text without any has none. */
function linesOf(text: string): string[] {
  return text === '' ? [] : text.split('\n');
}

/** Whether arguments can be shown one a line. */
export function areLines(args: readonly string[]): boolean {
  return args.every((arg) => !arg.includes('\n'));
}
