import type { Tenant } from '@reeve/contract';
import type { TenantChange } from '../../api/tenants.ts';
import { originAt, valueAt, type PolicyField, type PolicyValue } from './policy-groups.ts';

/** A value as it is typed. Not `own`: no override, so that what the file says holds. */
export interface DraftValue {
  readonly text: string;
  readonly own: boolean;
}

/** By path. */
export type PolicyDraft = Readonly<Record<string, DraftValue>>;

type Overrides = NonNullable<TenantChange['overrides']>;
type Read = { readonly value: PolicyValue } | { readonly fault: string };

/** What a form begins with: what holds. */
export function draftOf(tenant: Pick<Tenant, 'policy' | 'origins'>, fields: readonly PolicyField[]): PolicyDraft {
  return Object.fromEntries(
    fields.map(({ path }) => [
      path,
      { text: textOf(valueAt(tenant.policy, path)), own: originAt(tenant, path) === 'override' },
    ]),
  );
}

/**
 * What a draft changes of what it began with: a value that was typed becomes an override, and null takes one away. Or what is wrong,
 * by path. Bounds are the server's to judge.
 */
export function changesOf(
  fields: readonly PolicyField[],
  initial: PolicyDraft,
  draft: PolicyDraft,
): { readonly overrides: Overrides } | { readonly faults: Readonly<Record<string, string>> } {
  const changes: [path: string, value: PolicyValue | null][] = [];
  const faults: Record<string, string> = {};
  for (const field of fields) {
    const { path } = field;
    const before = initial[path] ?? { text: '', own: false };
    const { text, own } = draft[path] ?? before;
    if (own === before.own && text === before.text) continue;
    if (!own) {
      if (before.own) changes.push([path, null]);
      continue;
    }
    const read = readValue(field, text);
    if ('fault' in read) faults[path] = read.fault;
    else changes.push([path, read.value]);
  }
  return Object.keys(faults).length > 0 ? { faults } : { overrides: nested(changes) };
}

/** Where the server's finding about `overrides.tools.deny[0]` belongs. */
export function pathOfFault(path: string): string {
  return path.replace(/^overrides\./, '').replace(/\[.*$/, '');
}

function textOf(value: PolicyValue | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'object' ? value.join('\n') : String(value);
}

function readValue(field: PolicyField, text: string): Read {
  const { kind } = field;
  if (kind === 'choice') {
    const chosen = field.choices.find(({ value }) => String(value) === text);
    return chosen === undefined ? { fault: 'choose one, or take the value of the file' } : { value: chosen.value };
  }
  // Blanks may be part of a pattern.
  if (kind === 'patterns') return { value: text.split(/\r?\n/).filter((line) => line.trim() !== '') };
  if (kind === 'globs')
    return {
      value: text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    };
  const digits = text.replace(/[\s,_$]/g, '');
  if (digits === '') return { fault: 'give a number, 0 for no limit, or take the value of the file' };
  if (kind === 'usd') return { value: digits };
  return /^\d+$/.test(digits) ? { value: Number(digits) } : { fault: 'must be a whole number' };
}

function nested(changes: readonly (readonly [path: string, value: PolicyValue | null])[]): Overrides {
  const overrides: Record<string, unknown> = {};
  for (const [path, value] of changes) {
    const [group, name] = path.split('.') as [string, string?];
    if (name === undefined) overrides[group] = value;
    else overrides[group] = { ...(overrides[group] as object | undefined), [name]: value };
  }
  return overrides as Overrides;
}
