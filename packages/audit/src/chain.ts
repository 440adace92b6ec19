import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';

/*
 * The chain of a tenant's audit log.
 *
 *   row:  written, in the transaction it tells of ──commit──► final, when no transaction below its own is left ──seal──► linked
 *
 * A row's place is its transaction and its position there. Rows are final in the order of their places, so that none
 * appears before one that is; in that order they are given numbers, from 1 without a gap, and hashes. The hash of a link is
 * the SHA-256, in hexadecimal, of this JSON text in UTF-8, without spaces:
 *
 *   ["reeve.audit.1", hash before, number, id, tenant, at, actor, action, trace, task, run, details]
 *
 * `at` has six digits of fraction and a Z; `details` are in the form of `canonicalJson`; before number 1 come 64 zeros. The place
 * is left out: it says where a row lies in this database, not what happened.
 */

const VERSION = 'reeve.audit.1';

/** What comes before the first link. */
export const GENESIS = '0'.repeat(64);

/** All fields of a row, as text that does not depend on the driver. */
export interface AuditText {
  readonly id: string;
  readonly tenant_id: string;
  /** UTC, with six digits of fraction. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly trace_id: string;
  readonly task_id: string | null;
  readonly run_id: string | null;
  /** JSON in any form. */
  readonly details: string;
}

/** Where a chain ends, or a point of it that somebody wrote down. */
export interface ChainPoint {
  readonly number: number;
  /** 64 hexadecimal digits. */
  readonly hash: string;
}

/** The hash of the link that gives a row its number. */
export function linkHash(previous: string, number: number, row: AuditText): string {
  const { id, tenant_id, at, actor, action, trace_id, task_id, run_id, details } = row;
  const fields = JSON.stringify([
    VERSION,
    previous,
    number,
    id,
    tenant_id,
    at,
    actor,
    action,
    trace_id,
    task_id,
    run_id,
  ]);
  return hash('sha256', `${fields.slice(0, -1)},${canonicalJson(details)}]`);
}
