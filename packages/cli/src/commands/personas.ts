import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ClientError, type Client } from '@reeve/client';
import { KNOWLEDGE_BASES, PersonaInput, routes, type Persona } from '@reeve/contract';
import { readYaml } from '@reeve/kit';
import type { Command } from 'commander';
import type { z } from 'zod';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { createFolderSync, tellSync, type SyncSummary } from '../knowledge/folder-sync.ts';
import { examples, exitWith, JSON_OPTION, readTextFile, withListOptions, type ListOptions } from '../options.ts';
import { note, printFields, printJson, printList, wantsJson, type Column, type OutputOptions } from '../output.ts';

interface PersonasOptions extends ListOptions {
  readonly query?: string;
}

interface FieldOptions extends OutputOptions {
  readonly name?: string;
  readonly slug?: string;
  readonly description?: string;
}

const COLUMNS: readonly Column<Persona>[] = [
  ['SLUG', ({ slug }) => slug],
  ['NAME', ({ name }) => name],
  ['DOCUMENTS', ({ documents }) => Object.values(documents).reduce((sum, count) => sum + count, 0)],
  ['AGENTS', ({ agents }) => agents],
  ['DESCRIPTION', ({ description }) => description],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command.command('list').description('personas, by name').option('--query <text>', 'with this in the name or slug'),
  )
    .addHelpText('after', examples('reeve personas list'))
    .action(exitWith(io, list));
  command
    .command('show <persona>')
    .description('one persona, by id or slug')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve personas show barky'))
    .action(exitWith(io, show));
  withFields(command.command('create').description('create a persona'))
    .addHelpText('after', examples('reeve personas create --name Barky --description "A companion toy dog."'))
    .action(exitWith(io, create));
  withFields(command.command('edit <persona>').description('change the fields that are given'))
    .addHelpText('after', examples('reeve personas edit barky --name "Barky the second"'))
    .action(exitWith(io, edit));
  command
    .command('import <directory>')
    .description('create or update a persona from a folder: persona.yaml, and a folder for each knowledge base')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve personas import knowledge_bases/barky'))
    .action(exitWith(io, importFolder));
  command
    .command('delete <persona>')
    .description('delete a persona with its knowledge bases, where no agent has it')
    .addHelpText('after', examples('reeve personas delete barky'))
    .action(exitWith(io, remove));
}

function withFields(command: Command): Command {
  return command
    .option('--name <name>', 'name')
    .option('--slug <slug>', 'short name for calls; without it one is made of the name')
    .option('--description <text>', 'what it is for')
    .option(...JSON_OPTION);
}

async function list(io: CommandIo, options: PersonasOptions): Promise<number> {
  await using connection = await connect(io, 'personas list');
  const { query: q, limit, offset } = options;
  const answer = await connection.client.call(routes.listPersonas, { query: { q, limit, offset } });
  printList(io, answer, answer.personas, COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, ref: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'personas show');
  print(io, await connection.client.call(routes.getPersona, { params: { id: ref } }), options);
  return EXIT.done;
}

async function create(io: CommandIo, { name, slug, description, ...options }: FieldOptions): Promise<number> {
  if (name === undefined) throw new UsageError('give the persona a --name');
  await using connection = await connect(io, 'personas create');
  print(io, await connection.client.call(routes.createPersona, { body: { name, slug, description } }), options);
  return EXIT.done;
}

async function edit(
  io: CommandIo,
  ref: string,
  { name, slug, description, ...options }: FieldOptions,
): Promise<number> {
  const body = { name, slug, description };
  if (Object.values(body).every((value) => value === undefined))
    throw new UsageError('give at least one field to change');
  await using connection = await connect(io, 'personas edit');
  print(io, await connection.client.call(routes.updatePersona, { params: { id: ref }, body }), options);
  return EXIT.done;
}

/** Creates the persona that a folder describes, or changes it, and brings its knowledge bases up to date. */
async function importFolder(io: CommandIo, directory: string, options: OutputOptions): Promise<number> {
  const home = resolve(io.directory, directory);
  const fields = await readPersonaFile(io, join(home, 'persona.yaml'));
  await using connection = await connect(io, 'personas import');
  const { client } = connection;
  const persona = await ensurePersona(client, fields);
  const summaries: Record<string, SyncSummary> = {};
  for (const base of KNOWLEDGE_BASES) {
    const folder = join(home, base);
    if (!existsSync(folder)) continue;
    const sync = createFolderSync({
      client,
      persona: persona.id,
      knowledgeBase: base,
      directory: folder,
      // Wherever it lies: the folder of a persona is that persona's.
      identity: 'persona',
      tags: [],
    });
    summaries[base] = await sync.look(new AbortController().signal);
  }
  if (wantsJson(io, options)) {
    const now = await client.call(routes.getPersona, { params: { id: persona.id } });
    printJson(io, { persona: now, knowledge_bases: summaries });
  } else
    for (const [base, summary] of Object.entries(summaries)) {
      io.stderr.write(`${persona.slug} ${base}: `);
      tellSync(io, summary);
    }
  return Object.values(summaries).some(({ failed }) => failed.length > 0) ? EXIT.partly : EXIT.done;
}

const PersonaFile = PersonaInput.required({ slug: true });

async function readPersonaFile(io: CommandIo, path: string): Promise<z.infer<typeof PersonaFile>> {
  const { value, problems } = readYaml(await readTextFile(io, path));
  const [problem] = problems;
  if (problem !== undefined) throw new UsageError(`${path}, line ${problem.line}: ${problem.message}`);
  const read = PersonaFile.safeParse(value);
  if (read.success) return read.data;
  const [{ path: field, message }] = read.error.issues as [z.core.$ZodIssue];
  throw new UsageError(`${path}: ${field.join('.') || 'it'}: ${message}`);
}

async function ensurePersona(
  client: Client,
  { slug, name, description }: z.infer<typeof PersonaFile>,
): Promise<Persona> {
  try {
    return await client.call(routes.createPersona, { body: { slug, name, description } });
  } catch (error) {
    if (!(error instanceof ClientError) || error.status !== 409) throw error;
    return client.call(routes.updatePersona, { params: { id: slug }, body: { name, description } });
  }
}

async function remove(io: CommandIo, ref: string): Promise<number> {
  await using connection = await connect(io, 'personas delete');
  await connection.client.call(routes.deletePersona, { params: { id: ref } });
  note(io, `deleted ${ref}`);
  return EXIT.done;
}

function print(io: CommandIo, persona: Persona, options: OutputOptions): void {
  if (wantsJson(io, options)) return printJson(io, persona);
  const { documents, ...fields } = persona;
  printFields(io, [
    ...Object.entries(fields),
    ...Object.entries(documents).map(([base, count]) => [base, `${count} documents`] as const),
  ]);
}
