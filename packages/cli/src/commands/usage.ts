import { routes, USAGE_GROUPS, type AnswerOf, type UsageGroup, type UsageGrouping } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, withListOptions, type ListOptions } from '../options.ts';
import { note, printFields, printJson, printTable, printText, shownTime, wantsJson, type Column } from '../output.ts';

interface UsageOptions extends ListOptions {
  readonly from?: string;
  readonly to?: string;
  readonly by: UsageGrouping;
}

const COLUMNS: readonly Column<UsageGroup>[] = [
  ['CALLS', ({ calls }) => calls],
  ['ERRORS', ({ errors }) => errors],
  ['IN', ({ input_tokens }) => input_tokens],
  ['OUT', ({ output_tokens }) => output_tokens],
  ['CACHED', ({ cached_tokens }) => cached_tokens],
  ['USD', shownCost],
  ['FIRST TOKEN P50/P95', ({ first_token_ms }) => shownTimes(first_token_ms)],
  ['LATENCY P50/P95', ({ latency_ms }) => shownTimes(latency_ms)],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .option('--from <time>', 'since this time or day, such as 2026-11-01; 30 days ago unless given')
      .option('--to <time>', 'until before this time or day; now unless given')
      .addOption(new Option('--by <group>', 'sum up by').choices(USAGE_GROUPS).default('model')),
  )
    .addHelpText('after', examples('reeve usage', 'reeve usage --by day --from 2026-11-01 --to 2026-12-01'))
    .action(exitWith(io, usage));
}

async function usage(io: CommandIo, { from, to, by, ...options }: UsageOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'usage');
  const answer = await connection.client.call(routes.getUsage, { query: { from, to, group_by: by, limit, offset } });
  if (wantsJson(io, options)) printJson(io, answer);
  else printUsage(io, answer);
  return EXIT.done;
}

function printUsage(
  io: CommandIo,
  { from, to, group_by, totals, groups, total, offset }: AnswerOf<typeof routes.getUsage>,
): void {
  printFields(io, [
    ['from', shownTime(from)],
    ['to', shownTime(to)],
    ['calls', totals.calls],
    ['errors', totals.errors],
    ['tokens', `${totals.input_tokens} in, ${totals.output_tokens} out`],
    ['cost', totals.cost_usd === null ? 'not known' : `$${totals.cost_usd}`],
    ['without a price', totals.unpriced_calls > 0 ? `${totals.unpriced_calls} calls, left out of the cost` : undefined],
  ]);
  if (groups.length === 0) return;
  printText(io, '');
  printTable(io, groups, [[group_by.toUpperCase(), ({ key }) => key ?? '(none)'], ...COLUMNS]);
  const end = offset + groups.length;
  if (end < total) note(io, `${groups.length} of ${total}; more with --offset ${end}`);
}

function shownCost({ cost_usd, unpriced_calls }: UsageGroup): string {
  if (cost_usd === null) return 'not known';
  return unpriced_calls === 0 ? cost_usd : `${cost_usd} and more`;
}

function shownTimes({ p50, p95 }: UsageGroup['latency_ms']): string {
  return p50 === null || p95 === null ? '' : `${p50} / ${p95} ms`;
}
