import { routes, type SkillInfo } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, withListOptions, type ListOptions } from '../options.ts';
import { note, printJson, printList, printText, wantsJson, type Column, type OutputOptions } from '../output.ts';

const COLUMNS: readonly Column<SkillInfo>[] = [
  ['NAME', ({ name }) => name],
  ['SOURCE', ({ source }) => source],
  ['DESCRIPTION', ({ description }) => description],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(command.command('list').description('skills that agents can be given, and what is wrong with others'))
    .addHelpText('after', examples('reeve skills list'))
    .action(exitWith(io, list));
  command
    .command('show <skill>')
    .description('the instructions of a skill')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve skills show code'))
    .action(exitWith(io, show));
}

async function list(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'skills list');
  const answer = await connection.client.call(routes.listSkills, { query: { limit, offset } });
  printList(io, answer, answer.skills, COLUMNS, options);
  if (!wantsJson(io, options))
    for (const { file, line, message } of answer.problems) note(io, `\n${file}, line ${line}: ${message}`);
  return EXIT.done;
}

async function show(io: CommandIo, name: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'skills show');
  const skill = await connection.client.call(routes.getSkill, { params: { name } });
  if (wantsJson(io, options)) printJson(io, skill);
  else printText(io, skill.instructions);
  return EXIT.done;
}
