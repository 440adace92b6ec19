import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ClientError, type Client } from '@reeve/client';
import { MAX_DOCUMENT_BYTES, routes, type KnowledgeBase, type KnowledgeDocument } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import { canRead } from '@reeve/memory/documents';
import { note } from './output.ts';

/*
 * Keeps a knowledge base like a folder. What the server has is asked for at each look, so one that was killed in the middle
 * goes on where it stopped: files whose content is there are not sent again.
 */

export interface FolderSyncOptions {
  readonly client: Client;
  /** By id or slug. */
  readonly persona: string;
  readonly knowledgeBase: KnowledgeBase;
  readonly directory: string;
  /** What the sources of its files begin with; the folder's own name by default. */
  readonly name?: string | undefined;
  /** By what it is known again; the directory on this machine by default. */
  readonly identity?: string;
  readonly tags: readonly string[];
  /** Told of each file when it is done with. */
  readonly onFile?: (done: number, of: number) => void;
}

/** What a look came to. */
export interface SyncSummary {
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly unchanged: number;
  /** Of types that cannot be read. */
  readonly skipped: number;
  readonly failed: readonly { readonly file: string; readonly message: string }[];
}

/** Brings a knowledge base up to date with a folder. A file that cannot be read hurts no other. */
export interface FolderSync {
  look(signal: AbortSignal): Promise<SyncSummary>;
}

/** A tag by which what a folder brought is known again, and nothing else is touched: many folders have the same name. */
function markOf(identity: string): string {
  return `folder:${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
}

/** Files on their way at a time. */
const AT_ONCE = 2;
const PAGE = 200;

export function createFolderSync(options: FolderSyncOptions): FolderSync {
  const { client, persona, knowledgeBase, tags, onFile } = options;
  const directory = resolve(options.directory);
  const prefix = `${options.name ?? basename(directory)}/`;
  const mark = markOf(options.identity ?? `${hostname()}\0${directory}`);
  const params = { id: persona, kb: knowledgeBase };
  /** What is known of files by what they looked like, so that only changed ones are read again. */
  const looked = new Map<string, { readonly sign: string; readonly sha256: string }>();
  /** Files that the server refused, by content. */
  const refused = new Map<string, string>();

  async function listKnown(signal: AbortSignal): Promise<KnowledgeDocument[]> {
    const known: KnowledgeDocument[] = [];
    for (;;) {
      const query = { source_prefix: prefix, limit: PAGE, offset: known.length };
      const { documents, total } = await client.call(routes.listDocuments, { params, query, signal });
      known.push(...documents);
      if (documents.length === 0 || known.length >= total) return known;
    }
  }

  async function digestOf(file: string): Promise<string> {
    const path = join(directory, file);
    const { size, mtimeMs } = await stat(path);
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`has ${size} bytes, more than ${MAX_DOCUMENT_BYTES}`);
    const sign = `${size} ${mtimeMs}`;
    const before = looked.get(file);
    if (before?.sign === sign) return before.sha256;
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    looked.set(file, { sign, sha256 });
    return sha256;
  }

  async function send(file: string, signal: AbortSignal): Promise<'added' | 'replaced' | 'unchanged'> {
    const content = await openAsBlob(join(directory, file));
    const body = { source: prefix + file, tags: [...tags, mark] };
    const sent = { params, body, file: { name: basename(file), content }, signal };
    const answer = await patiently(() => client.call(routes.addDocument, sent), signal);
    return answer.deduplicated ? 'unchanged' : answer.replaced ? 'replaced' : 'added';
  }

  /** Removes a document; one that somebody else has removed is removed. */
  async function removed(id: string, signal: AbortSignal): Promise<void> {
    const document = { params: { ...params, document_id: id }, signal };
    await client.call(routes.deleteDocument, document).catch((error: unknown) => {
      if (!(error instanceof ClientError) || error.status !== 404) throw error;
    });
  }

  return {
    async look(signal) {
      const failed: { file: string; message: string }[] = [];
      const all = (await filesBelow(directory, '', failed)).sort();
      const files = all.filter(canRead);
      const there = new Set(files);
      const summary = { added: 0, replaced: 0, removed: 0, unchanged: 0, skipped: all.length - files.length };
      /** What the server has of this folder: the content of each file, and that of others by the same names. */
      const [own, foreign] = [new Map<string, string>(), new Set<string>()];
      for (const { id, source, sha256, tags: has } of await listKnown(signal)) {
        const file = source!.slice(prefix.length);
        if (!has.includes(mark)) foreign.add(file);
        else if (there.has(file) || isBelow(file, failed)) own.set(file, sha256);
        else {
          await removed(id, signal);
          summary.removed += 1;
        }
      }
      const contents = new Set(own.values());
      let done = 0;
      const bring = async (file: string): Promise<void> => {
        let sha256 = '';
        try {
          sha256 = await digestOf(file);
          const before = own.get(file);
          if (foreign.has(file))
            throw new Error(`${prefix}${file} is there from elsewhere; --name calls this folder something else`);
          // The same content is stored once, under whichever file brought it first.
          if (before === undefined ? contents.has(sha256) : before === sha256) summary.unchanged += 1;
          else if (refused.has(sha256)) failed.push({ file, message: refused.get(sha256)! });
          else summary[await send(file, signal)] += 1;
        } catch (error) {
          const ofFile = error instanceof ClientError ? REFUSALS.has(error.status) : !signal.aborted;
          if (!ofFile) throw error;
          const { message } = error as Error;
          if (error instanceof ClientError && error.status !== 409) refused.set(sha256, message);
          failed.push({ file, message });
        }
        onFile?.(++done, files.length);
      };
      const waiting = files.values();
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (const file of waiting) await bring(file);
        }),
      );
      return { ...summary, failed };
    },
  };
}

/** Times that a server which has too much to do is asked again, and how long after the first and at most. */
const TRIES = 60;
const [FIRST_MS, LONGEST_MS] = [500, 10_000];

/** Asks again, later and later, where the server has too much to do. */
async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tried = 0; ; tried += 1)
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ClientError) || error.status !== 429 || tried === TRIES || signal.aborted) throw error;
      await sleep(Math.min(FIRST_MS * 2 ** tried, LONGEST_MS), signal);
    }
}

/** Tells people what looks came to, and why files failed. */
export function tellSync(summary: SyncSummary): void {
  const { added, replaced, removed, unchanged, skipped, failed } = summary;
  for (const { file, message } of failed) note(`${file}: ${message}`);
  const counts = { added, replaced, removed, unchanged, 'of other types': skipped, failed: failed.length };
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  note(told.length === 0 ? 'no files' : told.map(([what, count]) => `${count} ${what}`).join(', '));
}

/** Statuses that say something of the file, and not of the way to the server. */
const REFUSALS: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** True for a file of a folder that could not be read: nobody knows whether it is still there. */
function isBelow(file: string, failed: readonly { readonly file: string }[]): boolean {
  return failed.some((folder) => file.startsWith(`${folder.file}/`));
}

/**
 * Paths of the files below a directory, with `/` between names. What is hidden, linked or installed is left out; a folder in it
 * that cannot be read is `failed`. Throws where that is the directory itself.
 */
async function filesBelow(
  directory: string,
  below: string,
  failed: { file: string; message: string }[],
): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(join(directory, below), { withFileTypes: true }).catch((error: Error) => {
    if (below === '') throw error;
    failed.push({ file: below, message: error.message });
    return [];
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(directory, path, failed)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}
