import type { ErrorDetail, McpServer } from '@reeve/contract';
import type { McpServerChange, NewMcpServer } from '../../api/mcp.ts';

/** What the server shows in place of a value that it keeps to itself; sent back, it stands for that value. */
export const KEPT = '***';

/** A header as it is typed. */
export interface HeaderDraft {
  /** Tells rows apart while their names change. */
  readonly key: number;
  readonly name: string;
  readonly value: string;
}

/** A server as it is asked for. */
export interface McpDraft {
  readonly name: string;
  readonly url: string;
  readonly headers: readonly HeaderDraft[];
  /** Milliseconds; text while it is no number. */
  readonly timeoutMs: number | string;
  readonly enabled: boolean;
}

/** The fields of the request that have a place in the form. */
export const MCP_FIELDS = ['name', 'url', 'headers', 'timeout_ms', 'enabled'] as const;

export const emptyMcp: McpDraft = { name: '', url: '', headers: [], timeoutMs: 60_000, enabled: true };

export function draftOf({ name, url, headers, timeout_ms: timeoutMs, enabled }: McpServer): McpDraft {
  const rows = Object.entries(headers).map(([header, value], key) => ({ key, name: header, value }));
  return { name, url, headers: rows, timeoutMs, enabled };
}

/** A draft with one empty header more. */
export function withHeader(headers: readonly HeaderDraft[]): HeaderDraft[] {
  return [...headers, { key: Math.max(-1, ...headers.map(({ key }) => key)) + 1, name: '', value: '' }];
}

/** What is wrong with rows of headers that the request could not show, by their keys. */
export function headerFaults(headers: readonly HeaderDraft[]): Readonly<Record<number, string>> {
  const faults: Record<number, string> = {};
  const names = new Set<string>();
  for (const { key, name, value } of headers) {
    const plain = name.trim().toLowerCase();
    if (plain === '' && value !== '') faults[key] = 'give it a name';
    if (plain !== '' && names.has(plain)) faults[key] = 'is named above already';
    names.add(plain);
  }
  return faults;
}

/** The server's findings about single headers, by the keys of their rows, and the rest. */
export function placeHeaderFaults(
  headers: readonly HeaderDraft[],
  details: readonly ErrorDetail[],
): { readonly byKey: Readonly<Record<number, string>>; readonly others: readonly ErrorDetail[] } {
  const byKey: Record<number, string> = {};
  const others: ErrorDetail[] = [];
  for (const detail of details) {
    const row = headers.find(({ name }) => detail.path === `headers.${name.trim()}`);
    if (row === undefined) others.push(detail);
    else byKey[row.key] = detail.message;
  }
  return { byKey, others };
}

/** The request that makes a server. */
export function serverOf({ name, url, headers, timeoutMs, enabled }: McpDraft): NewMcpServer {
  return {
    name: name.trim(),
    url: url.trim(),
    headers: headersOf(headers),
    enabled,
    ...(timeoutMs !== '' && { timeout_ms: Number(timeoutMs) }),
  };
}

/**
 * What a draft changes. With another address all headers are sent: left out they would not go along to another origin, and the
 * server shall say so instead.
 */
export function changesOf(server: McpServer, draft: McpDraft): McpServerChange {
  const { name, url, timeout_ms: timeoutMs = server.timeout_ms, enabled } = serverOf(draft);
  const headers = headersOf(draft.headers);
  const left = new Set(Object.keys(headers).map((header) => header.toLowerCase()));
  const gone = Object.keys(server.headers).filter((header) => !left.has(header.toLowerCase()));
  const isMoved = url !== server.url;
  const isOther =
    gone.length > 0 || Object.entries(headers).some(([header, value]) => server.headers[header] !== value);
  return {
    ...(name !== server.name && { name }),
    ...(isMoved && { url }),
    ...((isMoved || isOther) && {
      headers: { ...headers, ...Object.fromEntries(gone.map((header) => [header, null])) },
    }),
    ...(timeoutMs !== server.timeout_ms && { timeout_ms: timeoutMs }),
    ...(enabled !== server.enabled && { enabled: enabled ?? true }),
  };
}

function headersOf(headers: readonly HeaderDraft[]): Record<string, string> {
  const named = headers.filter(({ name }) => name.trim() !== '');
  return Object.fromEntries(named.map(({ name, value }) => [name.trim(), value]));
}
