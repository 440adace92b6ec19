import { routes, type OpenAiModel } from '@reeve/contract';
import { runModelChecks } from '@reeve/server/checks';
import type { Command } from 'commander';
import { CHECKS_JSON_OPTION, printChecks } from '../checks.ts';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { onInterrupt } from '../interrupt.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION } from '../options.ts';
import { note, printJson, printTable, wantsJson, type Column, type OutputOptions } from '../output.ts';

const MODEL_COLUMNS: readonly Column<OpenAiModel>[] = [
  ['ID', ({ id }) => id],
  ['OWNED BY', ({ owned_by: owner }) => owner],
];

export function define(command: Command, io: CommandIo): void {
  command
    .command('list')
    .description('models that are known by name, and agents, as clients of /v1 see them')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve models list', "reeve models list --json | jq -r '.data[].id'"))
    .action(exitWith(io, list));
  command
    .command('test [model]')
    .description('try a model with real calls: answer, speed, streaming, tools, JSON; by default the configured one')
    .option(...CHECKS_JSON_OPTION)
    .addHelpText(
      'after',
      '\nUses the configuration here, not the server of REEVE_URL. A hosted model bills a few hundred tokens.\nThe exit code is 1 if the model does not answer; warnings do not count.',
    )
    .addHelpText(
      'after',
      examples(
        'reeve models test',
        'LLM_PROVIDER=openai-compatible LLM_BASE_URL=http://localhost:11434/v1 LLM_MODEL=qwen3 reeve models test',
      ),
    )
    .action(exitWith(io, test));
}

async function list(io: CommandIo, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'models list');
  const answer = await connection.client.call(routes.listModels, {});
  if (wantsJson(io, options)) printJson(io, answer);
  else printTable(io, answer.data, MODEL_COLUMNS);
  return EXIT.done;
}

async function test(io: CommandIo, model: string | undefined, options: OutputOptions): Promise<number> {
  const stop = new AbortController();
  let interrupted: number | undefined;
  using _ = onInterrupt(io, (code) => {
    interrupted = code;
    stop.abort();
  });
  note(io, 'Calling the model; this may take a minute.');
  try {
    return printChecks(io, await runModelChecks(io, model ?? null, stop.signal), options);
  } catch (error) {
    if (interrupted !== undefined) return interrupted;
    throw error;
  }
}
