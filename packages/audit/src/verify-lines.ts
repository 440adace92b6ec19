import type { ChainBreak, ChainVerification } from '@reeve/contract';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { GENESIS, linkHash, type ChainPoint } from './chain.ts';
import { anchorFault } from './verify.ts';

const Point = z.object({ number: z.number().int(), hash: z.string() });
const End = z.object({ exported: z.number().int(), last: Point.nullable(), head: Point.nullable() });
const Line = z.object({
  number: z.number().int(),
  id: z.string(),
  tenant_id: z.string().optional(),
  at: z.string().optional(),
  actor: z.string().optional(),
  action: z.string().optional(),
  trace_id: z.string().optional(),
  task_id: z.string().nullable().optional(),
  run_id: z.string().nullable().optional(),
  details: z.unknown().optional(),
  previous_hash: z.string(),
  hash: z.string(),
});
type Line = z.infer<typeof Line>;

/** What an exported file says of itself. */
export interface FileVerification extends Omit<ChainVerification, 'unsealed' | 'next'> {
  /** The first number of the file; what comes before it is not in the file. */
  readonly from: number | null;
}

/**
 * Verifies the lines of an export without a database, one at a time: every hash anew, no number left out, the end as the last
 * line says, and the anchor where there is one. Throws SyntaxError where the lines are not an export.
 */
export async function verifyLines(
  lines: AsyncIterable<string>,
  { anchor, onChecked }: { anchor?: ChainPoint | undefined; onChecked?: (checked: number) => void } = {},
): Promise<FileVerification> {
  let from: number | null = null;
  let last: ChainPoint | undefined;
  let end: z.infer<typeof End> | undefined;
  let broken: ChainBreak | undefined;
  let met: string | undefined;
  let checked = 0;
  let at = 0;
  for await (const text of lines) {
    at += 1;
    if (text.trim() === '') continue;
    if (end !== undefined) throw new SyntaxError(`line ${at}: the line with the head must be the last`);
    const value = parse(text, at);
    const ended = End.safeParse(value);
    if (ended.success) {
      end = ended.data;
      continue;
    }
    const line = read(value, at);
    from ??= line.number;
    if (broken !== undefined) continue;
    broken = faultOf(line, text, last, from);
    if (broken !== undefined) continue;
    last = { number: line.number, hash: line.hash };
    checked += 1;
    if (line.number === anchor?.number) met = line.hash;
    onChecked?.(checked);
  }
  if (at === 0) throw new SyntaxError('the file is empty');
  if (broken === undefined && (end === undefined || !isSame(end.last, last) || end.exported !== checked))
    broken = { number: (last?.number ?? 0) + 1, id: null, reason: 'cut_off' };
  if (broken === undefined && anchor !== undefined) broken = anchorFault(anchor, met);
  return {
    ok: broken === undefined,
    checked,
    ...(broken !== undefined && { first_broken: broken }),
    head: end?.head ?? null,
    from,
  };
}

function faultOf(line: Line, text: string, last: ChainPoint | undefined, from: number): ChainBreak | undefined {
  const number = last === undefined ? from : last.number + 1;
  if (line.number !== number) return { number, id: null, reason: line.number < number ? 'reordered' : 'link_removed' };
  if (line.at === undefined) return { number, id: line.id, reason: 'row_removed' };
  const previous = last?.hash ?? (number === 1 ? GENESIS : line.previous_hash);
  if (line.previous_hash !== previous) return { number, id: line.id, reason: 'link_changed' };
  const { id, tenant_id = '', at, actor = '', action = '', trace_id = '', task_id = null, run_id = null } = line;
  const details = canonicalJson(text, 'details');
  const row = { id, tenant_id, at, actor, action, trace_id, task_id, run_id, details };
  return linkHash(previous, number, row) === line.hash ? undefined : { number, id, reason: 'row_changed' };
}

function parse(text: string, at: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`line ${at} is not JSON`, { cause });
  }
}

function read(value: unknown, at: number): Line {
  const line = Line.safeParse(value);
  if (line.success) return line.data;
  throw new SyntaxError(`line ${at} is no row of an export: ${line.error.issues[0]?.path.join('.') || 'it'} is wrong`);
}

function isSame(a: ChainPoint | null, b: ChainPoint | undefined): boolean {
  return a?.number === b?.number && a?.hash === b?.hash;
}
