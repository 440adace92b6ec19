import { routes, type Memory, type RecallMatch } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { writeExport } from '../export-lines.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, wholeNumber, withListOptions, type ListOptions } from '../options.ts';
import { note, printJson, printList, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface OfPersona {
  readonly persona?: string;
}

interface SearchOptions extends OutputOptions, OfPersona {
  readonly top: number;
  readonly kind?: RecallMatch['kind'][];
  readonly tag?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly halfLife?: number;
}

interface MemoryListOptions extends ListOptions, OfPersona {
  readonly tag?: string;
}

interface DeleteOptions extends OfPersona, OutputOptions {
  readonly all?: true;
}

const MEMORIES: readonly Column<Memory>[] = [
  ['ID', ({ id }) => id],
  ['CREATED', ({ created_at }) => created_at.slice(0, 19)],
  ['TAGS', ({ tags }) => tags.join(',')],
  ['', supersededMark],
  ['TEXT', ({ text }) => text],
];
const COLUMNS: readonly Column<RecallMatch>[] = [
  ['SCORE', ({ score }) => score.toFixed(3)],
  ['KIND', ({ kind }) => kind],
  ['CREATED', ({ created_at }) => created_at.slice(0, 19)],
  ['TAGS', ({ tags }) => tags.join(',')],
  ['', supersededMark],
  ['TEXT', ({ text }) => text],
];

function supersededMark({ superseded_by }: Pick<RecallMatch, 'superseded_by'>): string {
  return superseded_by === null ? '' : 'superseded';
}

export function define(command: Command, io: CommandIo): void {
  command
    .command('search <query>')
    .description('what was remembered about something, best first')
    .option('--top <number>', 'how many', wholeNumber(1, 100), 5)
    .addOption(
      new Option('--kind <kinds...>', 'where to look: memory (the default), message or both').choices([
        'memory',
        'message',
      ]),
    )
    .option('--persona <persona>', 'of one persona, by id or slug')
    .option('--tag <tags...>', 'only what has all of these tags')
    .option('--from <time>', 'only what was remembered or said at this time (RFC 3339) or later')
    .option('--to <time>', 'only what was remembered or said before this time')
    .option('--half-life <days>', 'what is so many days older counts half', wholeNumber(1, 36_500))
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples(
        'reeve memory search "deployment window" --top 10',
        'reeve memory search tea --persona home --tag kitchen',
      ),
    )
    .action(exitWith(io, search));
  withListOptions(command.command('list').description('all that is remembered, the newest first'))
    .option('--persona <persona>', 'of one persona, by id or slug')
    .option('--tag <tag>', 'with one tag')
    .addHelpText('after', examples('reeve memory list --tag preference'))
    .action(exitWith(io, list));
  command
    .command('export')
    .description('all that is remembered as JSON Lines, the oldest first')
    .option('--persona <persona>', 'of one persona, by id or slug')
    .addHelpText('after', examples('reeve memory export > memories.jsonl'))
    .action(exitWith(io, exportLines));
  command
    .command('delete [memory]')
    .description('forget a memory by its id, all of a persona, or everything')
    .option('--persona <persona>', 'all that one persona remembers, by id or slug')
    .option('--all', 'everything, of every persona and of none')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('reeve memory delete 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11', 'reeve memory delete --persona home'),
    )
    .action(exitWith(io, remove));
}

async function search(io: CommandIo, query: string, options: SearchOptions): Promise<number> {
  const { top: top_k, kind: kinds, tag: tags, persona: persona_id, from, to, halfLife: half_life_days } = options;
  await using connection = await connect(io, 'memory search');
  const answer = await connection.client.call(routes.recall, {
    body: { query, top_k, kinds, tags, persona_id, from, to, half_life_days },
  });
  if (wantsJson(io, options)) printJson(io, answer);
  else if (answer.matches.length > 0) printTable(io, answer.matches, COLUMNS);
  else note(io, 'nothing');
  if (answer.backend === 'fallback')
    note(io, 'the external memory does not answer; this is what the built-in one finds');
  return EXIT.done;
}

async function list(io: CommandIo, { persona, tag, ...options }: MemoryListOptions): Promise<number> {
  await using connection = await connect(io, 'memory list');
  const { limit, offset } = options;
  const query = { limit, offset, tag, persona_id: persona };
  const answer = await connection.client.call(routes.listMemories, { query });
  printList(io, answer, answer.memories, MEMORIES, options);
  return EXIT.done;
}

async function exportLines(io: CommandIo, { persona }: OfPersona): Promise<number> {
  await using connection = await connect(io, 'memory export');
  return await writeExport(io, connection.client.lines(routes.exportMemories, { query: { persona_id: persona } }));
}

async function remove(
  io: CommandIo,
  id: string | undefined,
  { persona, all, ...options }: DeleteOptions,
): Promise<number> {
  if ([id, persona, all].filter((one) => one !== undefined).length !== 1)
    throw new UsageError('give the id of a memory, --persona, or --all, and only one of them');
  await using connection = await connect(io, 'memory delete');
  if (id !== undefined) {
    await connection.client.call(routes.deleteMemory, { params: { id } });
    note(io, `deleted ${id}`);
    return EXIT.done;
  }
  const query = all ? { all: 'true' as const } : { persona_id: persona };
  const answer = await connection.client.call(routes.deleteMemories, { query });
  if (wantsJson(io, options)) printJson(io, answer);
  note(io, `deleted ${answer.deleted} memories`);
  return EXIT.done;
}
