import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ClientError, type Client } from '@reeve/client';
import { routes, type KnowledgeBase, type KnowledgeDocument } from '@reeve/contract';
import { createAttempts, eachOf, patiently } from './file-attempts.ts';
import { createFolderReader, isBelow, type FileFailure, type Folder } from './folder-read.ts';
import { note } from '../output.ts';
import type { CommandIo } from '../io.ts';

/*
 * Keeps a knowledge base like a folder. A look reads the folder, and where something is new asks for what the server has, so
 * that one that was killed in the middle goes on where it stopped: files whose content is there are not sent again.
 *
 *   documents of files that are gone          → removed
 *   files whose documents say something else  → sent; what these said is gone then, and nothing may count on it
 *   files without a document                  → sent where none says the same
 *
 * In this order, because the server stores a content once: a file that is sent while another's document still says the same
 * adds nothing, and what its own document said goes.
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
  /** Milliseconds of a clock that never goes back; the process's by default. */
  readonly now?: () => number;
}

/** What a look came to. */
export interface SyncSummary {
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly unchanged: number;
  /** Of types that cannot be read. */
  readonly skipped: number;
  readonly failed: readonly FileFailure[];
}

/** Brings a knowledge base up to date with a folder. A file that cannot be read hurts no other. */
export interface FolderSync {
  /**
   * Throws where the folder cannot be read, and what the server answers to other than a file: where it refuses the sender, is out
   * of reach, has too much to do for ten minutes, or fails five times in a row. Asks nothing of it where the folder is as it was
   * at the last look, less than a minute ago.
   */
  look(signal: AbortSignal): Promise<SyncSummary>;
}

/** A tag by which what a folder brought is known again, and nothing else is touched: many folders have the same name. */
function markOf(identity: string): string {
  return `folder:${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
}

/** What the server has of a folder. */
interface Known {
  /** SHA-256 by file. */
  readonly own: Map<string, string>;
  /** Files whose sources others have. */
  readonly foreign: ReadonlySet<string>;
  /** Documents of files that are gone, by file. */
  readonly gone: ReadonlyMap<string, string>;
}

const PAGE = 200;
/** How long the server is taken to have what it had, while the folder stays as it is. */
const LIST_MS = 60_000;
/** How long a content that is there from elsewhere is taken to be there. */
const ELSEWHERE_MS = 600_000;

export function createFolderSync(options: FolderSyncOptions): FolderSync {
  const { client, persona, knowledgeBase, tags, onFile, now = () => performance.now() } = options;
  const directory = resolve(options.directory);
  const prefix = `${options.name ?? basename(directory)}/`;
  const mark = markOf(options.identity ?? `${hostname()}\0${directory}`);
  const params = { id: persona, kb: knowledgeBase };
  const reader = createFolderReader(directory);
  /** Why the server refused files, by name and content: it reads them by their names. */
  const refused = new Map<string, string>();
  /** Contents that are there from elsewhere, and until when that is believed. */
  const elsewhere = new Map<string, number>();
  /** What the last look found, what one comes to while that is so, and until when that is believed. */
  let last: { readonly folder: Folder; readonly quiet: SyncSummary; readonly until: number } | undefined;

  async function listKnown({ files, unlisted }: Folder, signal: AbortSignal): Promise<Known> {
    const there = new Set(files);
    const [own, foreign, gone] = [new Map<string, string>(), new Set<string>(), new Map<string, string>()];
    for (let offset = 0; ;) {
      const query = { source_prefix: prefix, limit: PAGE, offset };
      const { documents, total } = await patiently(
        () => client.call(routes.listDocuments, { params, query, signal }),
        signal,
      );
      for (const { id, source, sha256, tags: has } of documents) {
        const file = source!.slice(prefix.length);
        if (!has.includes(mark)) foreign.add(file);
        else if (there.has(file) || isBelow(file, unlisted)) own.set(file, sha256);
        else gone.set(file, id);
      }
      offset += documents.length;
      if (documents.length === 0 || offset >= total) return { own, foreign, gone };
    }
  }

  async function send(file: string, signal: AbortSignal) {
    const content = await openAsBlob(join(directory, file));
    const body = { source: prefix + file, tags: [...tags, mark] };
    return client.call(routes.addDocument, { params, body, file: { name: basename(file), content }, signal });
  }

  /** Removes a document; one that somebody else has removed is removed. */
  async function remove(id: string, signal: AbortSignal): Promise<true> {
    const document = { params: { ...params, document_id: id }, signal };
    await client.call(routes.deleteDocument, document).catch((error: unknown) => {
      if (!(error instanceof ClientError) || error.status !== 404) throw error;
    });
    return true;
  }

  async function bring(folder: Folder, signal: AbortSignal): Promise<SyncSummary> {
    const { own, foreign, gone } = await listKnown(folder, signal);
    const failed = [...folder.failed];
    const counts = { added: 0, replaced: 0, removed: 0, unchanged: 0 };
    let done = folder.files.length - folder.contents.size;
    const keyOf = (file: string) => `${file}\0${folder.contents.get(file)}`;
    const attempt = createAttempts(failed, (file, message) => refused.set(keyOf(file), message));

    /** A file is done with, and has failed where it came to nothing. */
    const settle = (outcome?: keyof typeof counts) => {
      if (outcome !== undefined) counts[outcome] += 1;
      onFile?.(++done, folder.files.length);
    };
    const upload = async (file: string, stop: AbortSignal) => {
      const message = refused.get(keyOf(file));
      if (message !== undefined) {
        failed.push({ file, message });
        return undefined;
      }
      const answer = await attempt(file, () => send(file, stop), stop);
      // Where it failed nobody knows what its document says now: nothing counts on that.
      if (answer === undefined || answer.deduplicated) own.delete(file);
      else own.set(file, answer.sha256);
      if (answer?.deduplicated && !isOurs(answer)) elsewhere.set(answer.sha256, now() + ELSEWHERE_MS);
      return answer;
    };

    await eachOf(gone, signal, async ([file, id], stop) => {
      if (await attempt(file, () => remove(id, stop), stop)) counts.removed += 1;
    });

    const [changed, without] = [new Set<string>(), new Set<string>()];
    for (const [file, sha256] of folder.contents)
      if (own.get(file) === sha256) settle('unchanged');
      else if (foreign.has(file)) {
        const message = `${prefix}${file} is there from elsewhere; --name calls this folder something else`;
        failed.push({ file, message });
        settle();
      } else (own.has(file) ? changed : without).add(file);
    await eachOf(changed, signal, async (file, stop) => {
      const answer = await upload(file, stop);
      // What says the same may be the document of a file that says something else now.
      if (answer?.deduplicated) without.add(file);
      else settle(answer && (answer.replaced ? 'replaced' : 'added'));
    });

    for (const [sha256, until] of elsewhere) if (until <= now()) elsewhere.delete(sha256);
    const contents = new Set(own.values());
    await eachOf(without, signal, async (file, stop) => {
      const sha256 = folder.contents.get(file)!;
      if (contents.has(sha256) || elsewhere.has(sha256)) {
        settle('unchanged');
        return;
      }
      const answer = await upload(file, stop);
      if (answer !== undefined) contents.add(answer.sha256);
      const isNew = answer !== undefined && !answer.replaced && !changed.has(file);
      settle(answer && (answer.deduplicated ? 'unchanged' : isNew ? 'added' : 'replaced'));
    });
    failed.sort((one, other) => (one.file < other.file ? -1 : 1));
    return { ...counts, skipped: folder.skipped, failed };
  }

  /** True for a document that a file of this folder has brought. */
  function isOurs({ source, tags: has }: KnowledgeDocument): boolean {
    return source !== null && source.startsWith(prefix) && has.includes(mark);
  }

  return {
    async look(signal) {
      const folder = await reader.read(signal);
      if (last !== undefined && now() < last.until && isSame(folder, last.folder))
        return { ...last.quiet, skipped: folder.skipped };
      last = undefined;
      const until = now() + LIST_MS;
      const summary = await bring(folder, signal);
      const unchanged = summary.added + summary.replaced + summary.unchanged;
      last = { folder, until, quiet: { ...summary, added: 0, replaced: 0, removed: 0, unchanged } };
      return summary;
    },
  };
}

function isSame(one: Folder, other: Folder): boolean {
  return isDeepStrictEqual([one.contents, one.failed], [other.contents, other.failed]);
}

/** Tells people what looks came to, and why files failed. */
export function tellSync(io: CommandIo, summary: SyncSummary): void {
  const { added, replaced, removed, unchanged, skipped, failed } = summary;
  for (const { file, message } of failed) note(io, `${file}: ${message}`);
  const counts = { added, replaced, removed, unchanged, 'of other types': skipped, failed: failed.length };
  const told = Object.entries(counts).filter(([, count]) => count > 0);
  note(io, told.length === 0 ? 'no files' : told.map(([what, count]) => `${count} ${what}`).join(', '));
}
