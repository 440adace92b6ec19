import { createReadStream } from 'node:fs';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { routes, type AuditRecord, type ChainBreak, type ChainVerification } from '@reeve/contract';
import { InvalidArgumentError, type Command } from 'commander';
import { connect, type Connection } from '../connect.ts';
import { writeExport } from '../export-lines.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { onInterrupt } from '../interrupt.ts';
import { examples, exitWith, JSON_OPTION, withListOptions, type ListOptions } from '../options.ts';
import { printFields, printJson, printList, shownTime, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface RangeOptions {
  readonly from?: string;
  readonly to?: string;
}

interface AuditListOptions extends ListOptions, RangeOptions {
  readonly trace?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly task?: string;
  readonly run?: string;
}

interface Anchor {
  readonly number: number;
  readonly hash: string;
}

interface VerifyOptions extends OutputOptions {
  readonly anchor?: Anchor;
  readonly file?: string;
}

/** Rows that one call verifies, between two words of progress. */
const ROWS_A_CALL = 50_000;

const COLUMNS: readonly Column<AuditRecord>[] = [
  ['NUMBER', ({ number }) => number ?? 'not sealed'],
  ['AT', ({ at }) => shownTime(at)],
  ['ACTOR', ({ actor }) => actor],
  ['ACTION', ({ action }) => action],
  ['TASK', ({ task_id }) => task_id],
  ['DETAILS', ({ details }) => JSON.stringify(details)],
];

const REASONS: Record<ChainBreak['reason'], string> = {
  row_changed: 'the row was changed',
  row_removed: 'the row was removed',
  row_inserted: 'a row was put in afterwards',
  link_changed: 'its hash was changed',
  link_removed: 'its link was removed',
  reordered: 'the order was changed',
  anchor_missing: 'the chain does not reach the anchor',
  anchor_differs: 'the chain has another hash than the anchor',
  cut_off: 'the end is missing',
};

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    withRange(command.command('list').description('who did what, newest first'))
      .option('--trace <id>', 'of one trace')
      .option('--actor <name>', 'by one user or agent')
      .option('--action <name>', 'such as TOOL_DENIED')
      .option('--task <id>', 'about one task')
      .option('--run <id>', 'about one run'),
  )
    .addHelpText('after', examples('reeve audit list --action TOOL_DENIED --from 2026-11-01T00:00:00Z'))
    .action(exitWith(io, list));
  command
    .command('verify')
    .description('whether the log is whole; ends with 1 where it is not')
    .option('--anchor <number:hash>', 'a point that the chain once had', anchorOf)
    .option('--file <path>', 'look at an exported file instead; - is standard input')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve audit verify', 'reeve audit verify --file audit.jsonl'))
    .action(exitWith(io, verify));
  withRange(command.command('export').description('the log as JSON Lines, in the order of its chain'))
    .addHelpText('after', examples('reeve audit export > audit.jsonl'))
    .action(exitWith(io, exportLines));
}

function withRange(command: Command): Command {
  return command
    .option('--from <time>', 'since this time, such as 2026-11-01T00:00:00Z')
    .option('--to <time>', 'until before this time');
}

function anchorOf(text: string): Anchor {
  const [, number, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (number === undefined || hash === undefined || Number(number) < 1)
    throw new InvalidArgumentError('It must be a number and 64 hexadecimal digits, such as 1200:9f86….');
  return { number: Number(number), hash };
}

async function list(io: CommandIo, options: AuditListOptions): Promise<number> {
  const { from, to, trace, actor, action, task, run, limit, offset } = options;
  await using connection = await connect(io, 'audit list');
  const query = { from, to, trace_id: trace, actor, action, task_id: task, run_id: run, limit, offset };
  const answer = await connection.client.call(routes.listAudit, { query });
  printList(io, answer, answer.entries, COLUMNS, options);
  return EXIT.done;
}

async function verify(io: CommandIo, { file, anchor, ...options }: VerifyOptions): Promise<number> {
  if (file !== undefined) return verifyFile(io, file, anchor, options);
  const leaving = new AbortController();
  let code: number | undefined;
  using _ = onInterrupt(io, (heard) => {
    code = heard;
    leaving.abort();
  });
  await using connection = await connect(io, 'audit verify');
  try {
    const { unsealed, next: __, ...found } = await verifyAll(io, connection, anchor, leaving.signal);
    return tell(io, { ...found, unsealed }, options);
  } catch (error) {
    if (code !== undefined) return code;
    throw error;
  }
}

/** The whole chain, a part of it at a time. */
async function verifyAll(
  io: CommandIo,
  { client }: Connection,
  anchor: Anchor | undefined,
  signal: AbortSignal,
): Promise<ChainVerification> {
  let checked = 0;
  for (let from = 1; ;) {
    // The anchor is looked for once.
    const query = { from, rows: ROWS_A_CALL, ...(from === 1 && anchor) };
    const answer = await client.call(routes.verifyAudit, { query, signal });
    checked += answer.checked;
    if (answer.next === null || !answer.ok) {
      progress(io, '');
      return { ...answer, checked };
    }
    from = answer.next;
    progress(io, `${checked} of ${answer.head?.number ?? checked} rows`);
  }
}

async function verifyFile(
  io: CommandIo,
  path: string,
  anchor: Anchor | undefined,
  options: OutputOptions,
): Promise<number> {
  const { verifyLines } = await import('@reeve/audit');
  const input = path === '-' ? io.stdin : createReadStream(resolve(io.directory, path));
  try {
    if (input !== io.stdin) await once(input, 'open');
    const lines = createInterface({ input, crlfDelay: Infinity });
    const found = await verifyLines(lines, {
      anchor,
      onChecked: (checked) => void (checked % ROWS_A_CALL === 0 && progress(io, `${checked} rows`)),
    });
    progress(io, '');
    return tell(io, found, options);
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UsageError(`${path} is not an export of the audit log: ${error.message}`);
    if (error instanceof Error && 'syscall' in error) throw new UsageError(`${path} cannot be read: ${error.message}`);
    throw error;
  }
}

type Found = Pick<ChainVerification, 'ok' | 'checked' | 'first_broken' | 'head'> & {
  readonly unsealed?: number;
  readonly from?: number | null;
};

function tell(io: CommandIo, found: Found, options: OutputOptions): number {
  const { ok, checked, first_broken: broken, head, unsealed = 0, from = 1 } = found;
  if (wantsJson(io, options)) printJson(io, found);
  else
    printFields(io, [
      ['whole', ok ? 'yes' : 'no'],
      ['broken', broken && `at number ${broken.number}: ${REASONS[broken.reason]}`],
      ['row', broken?.id],
      ['checked', `${checked} rows`],
      ['begins', from !== null && from > 1 ? `at number ${from}; what comes before is not in the file` : undefined],
      ['not sealed yet', unsealed > 0 ? `${unsealed} rows, which were not checked` : undefined],
      ['head', head && `${head.number}:${head.hash}`],
    ]);
  return ok ? EXIT.done : EXIT.failed;
}

async function exportLines(io: CommandIo, { from, to }: RangeOptions): Promise<number> {
  await using connection = await connect(io, 'audit export');
  return await writeExport(io, connection.client.lines(routes.exportAudit, { query: { from, to } }));
}

/** A line on a terminal that the next one takes the place of. */
function progress(io: CommandIo, text: string): void {
  if (io.stderr.isTTY) io.stderr.write(`\r\u001b[K${text}`);
}
