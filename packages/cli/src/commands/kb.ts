import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Client } from '@reeve/client';
import {
  KNOWLEDGE_BASES,
  routes,
  type KnowledgeBase,
  type KnowledgeDocument,
  type KnowledgeMatch,
} from '@reeve/contract';
import { ReeveError, sleep } from '@reeve/kit';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { createFolderSync, tellSync, type SyncSummary } from '../knowledge/folder-sync.ts';
import { onInterrupt } from '../interrupt.ts';
import {
  collect,
  examples,
  exitWith,
  JSON_OPTION,
  wholeNumber,
  withListOptions,
  type ListOptions,
} from '../options.ts';
import {
  note,
  printJson,
  printJsonLine,
  printList,
  printTable,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface BaseOptions {
  readonly persona?: string;
  readonly base: KnowledgeBase;
}

interface IngestOptions extends BaseOptions, OutputOptions {
  readonly watch?: true;
  readonly name?: string;
  readonly tag?: string[];
}

interface SearchOptions extends BaseOptions, OutputOptions {
  readonly top: number;
}

const DOCUMENTS: readonly Column<KnowledgeDocument>[] = [
  ['ID', ({ id }) => id],
  ['TITLE', ({ title }) => title ?? ''],
  ['SOURCE', ({ source }) => source ?? ''],
  ['TYPE', ({ media_type }) => media_type],
  ['CHUNKS', ({ chunk_count }) => chunk_count],
  ['CHANGED', ({ updated_at }) => updated_at.slice(0, 19)],
];
const MATCHES: readonly Column<KnowledgeMatch>[] = [
  ['SCORE', ({ score }) => score.toFixed(3)],
  ['SOURCE', ({ source, title }) => source ?? title ?? ''],
  ['AT', ({ position }) => position],
  ['TEXT', ({ text }) => text],
];

export function define(command: Command, io: CommandIo): void {
  ofBase(command.command('ingest <directory>').description('bring a knowledge base up to date with a folder of files'))
    .option('--name <name>', 'what sources of its files begin with, instead of the name of the folder')
    .option('--tag <tag>', 'a tag for what is added; repeatable', collect)
    .option('--watch', 'go on, and follow changes until Ctrl-C')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples('reeve kb ingest docs --persona research', 'reeve kb ingest docs --persona research --watch'),
    )
    .action(exitWith(io, ingest));
  withListOptions(
    ofBase(command.command('list').description('documents of a knowledge base, the latest changed first')),
  )
    .addHelpText('after', examples('reeve kb list --persona research'))
    .action(exitWith(io, list));
  ofBase(command.command('search <query>').description('what a knowledge base says about something, best first'))
    .option('--top <number>', 'how many', wholeNumber(1, 100), 5)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve kb search "how to reset the alarm" --persona home'))
    .action(exitWith(io, search));
  ofBase(command.command('delete <document>').description('delete a document by its id'))
    .addHelpText('after', examples('reeve kb delete 01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11 --persona home'))
    .action(exitWith(io, remove));
}

function ofBase(command: Command): Command {
  return command
    .option('--persona <persona>', 'whose knowledge, by id or slug; may be left out where there is only one')
    .addOption(new Option('--base <base>', 'which knowledge base').choices(KNOWLEDGE_BASES).default('Domain-KB'));
}

/** Whose knowledge: that of the persona that is named, or of the only one. */
async function personaOf(client: Client, { persona }: { readonly persona?: string | undefined }): Promise<string> {
  if (persona !== undefined) return persona;
  const { personas, total } = await client.call(routes.listPersonas, { query: { limit: 1 } });
  if (total === 1) return personas[0]!.id;
  throw new UsageError(
    total === 0 ? 'no personas yet: "reeve personas create --name …" creates one' : 'say whose knowledge, by --persona',
  );
}

/** How long between two looks at a folder that is watched. */
const LOOK_MS = 2_000;

async function ingest(io: CommandIo, directory: string, options: IngestOptions): Promise<number> {
  const folder = resolve(io.directory, directory);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new UsageError(`${directory} is not a directory`);
  const stopping = new AbortController();
  let interrupted: number | undefined;
  using _ = onInterrupt(io, (code) => {
    interrupted = code;
    stopping.abort();
  });
  await using connection = await connect(io, 'kb ingest');
  const sync = createFolderSync({
    client: connection.client,
    persona: await personaOf(connection.client, options),
    knowledgeBase: options.base,
    directory: folder,
    name: options.name,
    tags: options.tag ?? [],
    ...(io.stderr.isTTY && { onFile: (done: number, of: number) => showProgress(io, done, of) }),
  });
  let before: SyncSummary | undefined;
  try {
    do {
      try {
        const summary = await sync.look(stopping.signal);
        if (before === undefined || hasNews(summary, before)) tell(io, summary, options);
        before = summary;
      } catch (error) {
        // Who watches waits until the server, or the folder, is there again.
        if (!options.watch || before === undefined || stopping.signal.aborted) throw error;
        note(io, `${ReeveError.from(error).message}; trying again`);
      }
      if (options.watch) await sleep(LOOK_MS, stopping.signal);
    } while (options.watch && !stopping.signal.aborted);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  }
  return interrupted ?? (before !== undefined && before.failed.length > 0 ? EXIT.partly : EXIT.done);
}

function hasNews(summary: SyncSummary, before: SyncSummary): boolean {
  const changed = summary.added + summary.replaced + summary.removed > 0;
  return changed || JSON.stringify(summary.failed) !== JSON.stringify(before.failed);
}

function tell(io: CommandIo, summary: SyncSummary, options: IngestOptions): void {
  if (wantsJson(io, options)) {
    if (options.watch) printJsonLine(io, summary);
    else printJson(io, summary);
    return;
  }
  tellSync(io, summary);
}

function showProgress(io: CommandIo, done: number, of: number): void {
  io.stderr.write(done === of ? '\r\u001b[K' : `\r${done} of ${of} files`);
}

async function list(io: CommandIo, { persona, base, ...options }: BaseOptions & ListOptions): Promise<number> {
  await using connection = await connect(io, 'kb list');
  const { limit, offset } = options;
  const answer = await connection.client.call(routes.listDocuments, {
    params: { id: await personaOf(connection.client, { persona }), kb: base },
    query: { limit, offset },
  });
  printList(io, answer, answer.documents, DOCUMENTS, options);
  return EXIT.done;
}

async function search(
  io: CommandIo,
  query: string,
  { persona, base, top, ...options }: SearchOptions,
): Promise<number> {
  await using connection = await connect(io, 'kb search');
  const answer = await connection.client.call(routes.searchKnowledge, {
    params: { id: await personaOf(connection.client, { persona }), kb: base },
    body: { query, top_k: top },
  });
  if (wantsJson(io, options)) printJson(io, answer);
  else if (answer.matches.length > 0) printTable(io, answer.matches, MATCHES);
  else note(io, 'nothing');
  return EXIT.done;
}

async function remove(io: CommandIo, id: string, { persona, base }: BaseOptions): Promise<number> {
  await using connection = await connect(io, 'kb delete');
  const params = { id: await personaOf(connection.client, { persona }), kb: base, document_id: id };
  await connection.client.call(routes.deleteDocument, { params });
  note(io, `deleted ${id}`);
  return EXIT.done;
}
