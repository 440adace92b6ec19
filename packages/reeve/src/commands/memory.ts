import { routes, type RecallMatch } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { examples, exitWith, JSON_OPTION, wholeNumber } from '../options.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface SearchOptions extends OutputOptions {
  readonly top: number;
  readonly kind?: RecallMatch['kind'][];
}

const COLUMNS: readonly Column<RecallMatch>[] = [
  ['SCORE', ({ score }) => score.toFixed(3)],
  ['KIND', ({ kind }) => kind],
  ['CREATED', ({ created_at }) => created_at.slice(0, 19)],
  ['TAGS', ({ tags }) => tags.join(',')],
  ['TEXT', ({ text }) => text],
];

export function define(command: Command): void {
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
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve memory search "deployment window" --top 10'))
    .action(exitWith(search));
}

async function search(query: string, options: SearchOptions): Promise<number> {
  await using connection = await connect('memory search');
  const answer = await connection.client.call(routes.recall, {
    body: { query, top_k: options.top, kinds: options.kind },
  });
  if (wantsJson(options)) printJson(answer);
  else if (answer.matches.length > 0) printTable(answer.matches, COLUMNS);
  else note('nothing');
  return EXIT.done;
}
