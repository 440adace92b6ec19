import type { Role } from '@reeve/contract';
import type { NewKey } from '../../api/keys.ts';

const DAY_MS = 86_400_000;

/** A key as it is asked for. */
export interface KeyDraft {
  readonly name: string;
  readonly role: Role;
  /** A number of days, `never`, or `day` for the one that is named. */
  readonly expires: string;
  /** Local date and time as a browser's field has it. */
  readonly day: string;
}

/** The fields of the request that have a place in the form. */
export const KEY_FIELDS = ['name', 'role', 'expires_at'] as const;

export const emptyKey: KeyDraft = { name: '', role: 'member', expires: '90', day: '' };

/** When a key may end. */
export const EXPIRIES = [
  { value: '30', label: 'In 30 days' },
  { value: '90', label: 'In 90 days' },
  { value: '365', label: 'In a year' },
  { value: 'day', label: 'On a day of your choice' },
  { value: 'never', label: 'Never' },
];

/** What each role may do, in a line; the strongest last. */
export const ROLE_WORDS: Readonly<Record<Role, string>> = {
  viewer: 'reads everything but secrets and the audit log',
  member: 'also chats, makes tasks and agents',
  operator: 'also decides, schedules, sets budgets, reads the audit log',
  admin: 'also makes keys, changes tenants and settings',
};

/** How long a secret is accepted after its rotation, in seconds. */
export const GRACES = [
  { value: '0', label: 'Not at all: it is refused at once' },
  { value: '3600', label: 'For an hour' },
  { value: '86400', label: 'For a day' },
  { value: '604800', label: 'For a week' },
  { value: '2592000', label: 'For 30 days' },
];

/** The request that a draft stands for, seen from `now` (milliseconds), or what is wrong with its day. The rest is the server's to judge. */
export function keyOf(draft: KeyDraft, now: number): { readonly key: NewKey } | { readonly fault: string } {
  const key = { name: draft.name.trim(), role: draft.role };
  if (draft.expires === 'never') return { key };
  const ends = draft.expires === 'day' ? Date.parse(draft.day) : now + Number(draft.expires) * DAY_MS;
  return Number.isNaN(ends)
    ? { fault: 'choose a day and a time' }
    : { key: { ...key, expires_at: new Date(ends).toISOString() } };
}
