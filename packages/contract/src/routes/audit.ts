import { z } from 'zod';
import { Id, Time, TimeInput, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Audit';

/*
 * Who decides over tasks and tool calls is who must be able to look up what was decided, and to prove it: the least role is
 * operator. The log tells what everybody in the tenant did, and from where, which is not for members and viewers.
 */
const access = 'operator';

const LinkNumber = z.number().int().positive();
const LinkHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')
  .describe('SHA-256, in hexadecimal.');

export const AuditRecord = z
  .object({
    number: LinkNumber.nullable().describe('In the tenant’s chain, from 1; null: not sealed yet.'),
    id: Id,
    tenant_id: z.string(),
    at: Time.describe('UTC, with six digits of fraction.'),
    actor: z.string().describe('A user id, `system`, or the agent as `agent:<slug>`.'),
    action: z.string(),
    trace_id: z.string(),
    task_id: Id.nullable(),
    run_id: Id.nullable(),
    details: z.record(z.string(), z.unknown()),
    previous_hash: LinkHash.nullable().describe('64 zeros before number 1.'),
    hash: LinkHash.nullable(),
  })
  .meta({ id: 'AuditRecord' });
export type AuditRecord = z.infer<typeof AuditRecord>;

export const BREAK_REASONS = [
  'row_changed',
  'row_removed',
  'row_inserted',
  'link_changed',
  'link_removed',
  'reordered',
  'anchor_missing',
  'anchor_differs',
  'cut_off',
] as const;
export const BreakReason = z.enum(BREAK_REASONS);
export type BreakReason = z.infer<typeof BreakReason>;

export const ChainBreak = z
  .object({
    number: z.number().int().describe('The first number at which the chain does not hold.'),
    id: z.string().nullable().describe('The row, where it is known.'),
    reason: BreakReason,
  })
  .meta({ id: 'AuditChainBreak' });
export type ChainBreak = z.infer<typeof ChainBreak>;

const ChainPoint = z.object({ number: LinkNumber, hash: LinkHash });

export const ChainVerification = z
  .object({
    ok: z.boolean(),
    checked: z.number().int().describe('Rows whose hashes were computed anew and are right.'),
    first_broken: ChainBreak.optional(),
    head: ChainPoint.nullable().describe('Where the chain ends. Written down elsewhere, it is an anchor for later.'),
    unsealed: z.number().int().describe('Rows that have no link yet; counts up to 10,000.'),
    next: LinkNumber.nullable().describe('Where to go on; null: the end was reached.'),
  })
  .meta({ id: 'AuditVerification' });
export type ChainVerification = z.infer<typeof ChainVerification>;

const filters = { from: TimeInput.optional(), to: TimeInput.optional() };

export const listAudit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit',
  tag,
  access,
  summary: 'Who did what, newest first',
  description: '`from` is included, `to` is not. `total` counts up to 10,000.',
  query: z.strictObject({
    ...paging,
    ...filters,
    trace_id: text(1, 128).optional(),
    actor: text(1, 255).optional(),
    action: text(1, 100).optional(),
    task_id: Id.optional(),
    run_id: Id.optional(),
  }),
  responses: { 200: listOf('entries', AuditRecord) },
});
export const verifyAudit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/verify',
  tag,
  access,
  summary: 'Whether the audit log is whole',
  description:
    'Computes every hash anew and names the first row that was changed, removed, inserted or moved. An end that was cut off with all its traces shows only against an anchor: `number` and `hash` of a point that the chain once had. With `rows` it stops after so many rows, and `next` says where to go on with `from`.',
  query: z
    .strictObject({
      from: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).default(1),
      rows: z.coerce.number().int().min(1).max(1_000_000).optional(),
      number: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      hash: LinkHash.optional(),
    })
    .refine(({ number, hash }) => (number === undefined) === (hash === undefined), {
      path: ['hash'],
      message: 'an anchor needs number and hash together',
    }),
  responses: { 200: ChainVerification },
});
export const exportAudit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/export',
  tag,
  access,
  summary: 'The audit log as JSON Lines, in the order of its chain',
  description:
    'One `AuditRecord` a line, from the first row of the range to the last, with everything between them. The last line is `{"exported", "last", "head"}`: a file without it was cut off. `reeve audit verify --file` checks it anywhere.',
  query: z.strictObject(filters),
  responses: { 200: z.string() },
  produces: 'application/x-ndjson',
});
