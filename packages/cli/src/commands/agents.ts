import type { Client } from '@reeve/client';
import { routes, type Agent, type AgentPatch, type BodyInputOf } from '@reeve/contract';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import {
  collect,
  examples,
  exitWith,
  JSON_OPTION,
  readJsonFile,
  readTextFile,
  wholeNumber,
  withListOptions,
  type ListOptions,
} from '../options.ts';
import {
  note,
  printFields,
  printJson,
  printList,
  printText,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface AgentsOptions extends ListOptions {
  readonly query?: string;
}

interface FieldOptions extends OutputOptions {
  readonly file?: string;
  readonly name?: string;
  readonly slug?: string;
  readonly description?: string;
  readonly model?: string;
  readonly persona?: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly tool?: string[];
  readonly skill?: string[];
  readonly approval?: string[];
  readonly maxSteps?: number;
  readonly maxCost?: string;
  readonly timeoutMs?: number;
}

const COLUMNS: readonly Column<Agent>[] = [
  ['SLUG', ({ slug }) => slug],
  ['NAME', ({ name }) => name],
  ['VERSION', ({ version }) => version],
  ['MODEL', ({ model_id }) => model_id ?? '(default)'],
  ['TOOLS', ({ tools }) => tools.length],
  ['DESCRIPTION', ({ description }) => description],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command.command('list').description('agents, by name').option('--query <text>', 'with this in the name'),
  )
    .addHelpText('after', examples('reeve agents list'))
    .action(exitWith(io, list));
  command
    .command('show <agent>')
    .description('one agent, by id or slug')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve agents show assistant'))
    .action(exitWith(io, show));
  withFields(command.command('create').description('create an agent'))
    .addHelpText(
      'after',
      examples(
        'reeve agents create --name Sums --tool calculator --prompt "Calculate." --max-steps 10',
        'reeve agents create --file agent.json',
      ),
    )
    .action(exitWith(io, create));
  withFields(command.command('edit <agent>').description('change the fields that are given; makes a new version'))
    .addHelpText('after', examples('reeve agents edit sums --tool calculator --tool current_time'))
    .action(exitWith(io, edit));
  command
    .command('delete <agent>')
    .description('delete an agent; its versions and runs stay')
    .addHelpText('after', examples('reeve agents delete sums'))
    .action(exitWith(io, remove));
}

function withFields(command: Command): Command {
  return command
    .option(
      '--file <path>',
      'fields as a JSON object, as the API takes them; - is standard input; options below come on top',
    )
    .option('--name <name>', 'name')
    .option('--slug <slug>', 'short name for calls; without it one is made of the name')
    .option('--description <text>', 'what it is for')
    .option('--model <model>', 'model; "default" is the one of the server’s configuration')
    .option('--persona <persona>', 'the persona, by id or slug; "none" removes it')
    .option('--prompt <text>', 'system prompt')
    .option('--prompt-file <path>', 'file with the system prompt; - is standard input')
    .option('--tool <name>', 'a tool it may use; repeatable; replaces the whole list', collect)
    .option('--skill <name>', 'a skill it has; repeatable; replaces the whole list', collect)
    .option('--approval <name>', 'a tool that needs approval; repeatable; replaces the whole list', collect)
    .option('--max-steps <number>', 'steps a run may take', wholeNumber(1, 1_000))
    .option('--max-cost <usd>', 'what a run may cost, such as 0.50')
    .option('--timeout-ms <number>', 'how long a run may take, in milliseconds', wholeNumber(1_000, 86_400_000))
    .option('--json', 'print the agent as JSON');
}

async function list(io: CommandIo, options: AgentsOptions): Promise<number> {
  await using connection = await connect(io, 'agents list');
  const { query: q, limit, offset } = options;
  const answer = await connection.client.call(routes.listAgents, { query: { q, limit, offset } });
  printList(io, answer, answer.configs, COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, ref: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'agents show');
  printAgent(io, await connection.client.call(routes.getAgent, { params: { id: ref } }), options, true);
  return EXIT.done;
}

async function create(io: CommandIo, options: FieldOptions): Promise<number> {
  const fields = await fieldsOf(io, options);
  if (!('name' in fields)) throw new UsageError('give the agent a --name, or a --file that holds one');
  await using connection = await connect(io, 'agents create');
  const { client } = connection;
  const body = { ...fields, ...limitsOf(fields, options), ...(await personaOf(client, options)) };
  printAgent(
    io,
    await client.call(routes.createAgent, { body: body as BodyInputOf<typeof routes.createAgent> }),
    options,
    false,
  );
  return EXIT.done;
}

/** Limits are replaced whole by the API; those that are not given keep their value here. */
async function edit(io: CommandIo, ref: string, options: FieldOptions): Promise<number> {
  const fields = await fieldsOf(io, options);
  await using connection = await connect(io, 'agents edit');
  const { client } = connection;
  const { limits } = await client.call(routes.getAgent, { params: { id: ref } });
  const body = {
    ...fields,
    ...limitsOf('limits' in fields ? fields : { limits }, options),
    ...(await personaOf(client, options)),
  } as AgentPatch;
  printAgent(io, await client.call(routes.updateAgent, { params: { id: ref }, body }), options, false);
  return EXIT.done;
}

async function remove(io: CommandIo, ref: string): Promise<number> {
  await using connection = await connect(io, 'agents delete');
  await connection.client.call(routes.deleteAgent, { params: { id: ref } });
  note(io, `deleted ${ref}`);
  return EXIT.done;
}

/** The persona that was named, as the API takes it: by its id. */
async function personaOf(client: Client, { persona }: FieldOptions): Promise<{ persona_id?: string | null }> {
  if (persona === undefined) return {};
  if (persona === 'none') return { persona_id: null };
  return { persona_id: (await client.call(routes.getPersona, { params: { id: persona } })).id };
}

async function fieldsOf(
  io: CommandIo,
  { file, name, slug, description, model, prompt, promptFile, tool, skill, approval }: FieldOptions,
): Promise<Record<string, unknown>> {
  if (prompt !== undefined && promptFile !== undefined) throw new UsageError('give either --prompt or --prompt-file');
  const systemPrompt = promptFile === undefined ? prompt : await readTextFile(io, promptFile);
  return {
    ...(file !== undefined && (await readJsonFile(io, file))),
    ...(name !== undefined && { name }),
    ...(slug !== undefined && { slug }),
    ...(description !== undefined && { description }),
    ...(model !== undefined && { model_id: model === 'default' ? null : model }),
    ...(systemPrompt !== undefined && { system_prompt: systemPrompt }),
    ...(tool !== undefined && { tools: tool }),
    ...(skill !== undefined && { skills: skill }),
    ...(approval !== undefined && { approvals: approval }),
  };
}

function limitsOf(
  { limits }: Record<string, unknown>,
  { maxSteps, maxCost, timeoutMs }: FieldOptions,
): { limits?: object } {
  if (maxSteps === undefined && maxCost === undefined && timeoutMs === undefined) return {};
  return {
    limits: {
      ...(typeof limits === 'object' && limits),
      ...(maxSteps !== undefined && { max_steps: maxSteps }),
      ...(maxCost !== undefined && { max_cost_usd: maxCost }),
      ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
    },
  };
}

function printAgent(io: CommandIo, agent: Agent, options: OutputOptions, isWhole: boolean): void {
  if (wantsJson(io, options)) printJson(io, agent);
  else if (isWhole) printFields(io, Object.entries({ ...agent, tools: agent.tools.join('\n') }));
  else printText(io, `${agent.slug}  version ${agent.version}  ${agent.id}`);
}
