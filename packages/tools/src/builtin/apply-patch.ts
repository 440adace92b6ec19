import { setImmediate as breathe } from 'node:timers/promises';
import { ReeveError } from '@reeve/kit';
import { existsInside, removeInside, renameInside, resolveInside, writeInside } from '@reeve/sandbox';
import { z } from 'zod';
import { applyHunks, type Effort } from '../hunks.ts';
import { parsePatch, type FileChange } from '../patch.ts';
import { MAX_WRITE_BYTES, readTextFile } from '../text-file.ts';
import { defineTool, success } from '../tool.ts';
import { createTurns } from '../turns.ts';

const MAX_FILES = 100;
/** What all files of a patch are before it and after it. */
const MAX_TOTAL_BYTES = 20 * 1024 * 1024;
const WAIT_MS = 30_000;

/** Patches of this process at a time: each holds its files in memory. */
const turns = createTurns(4);

/** Changes of several files, all or none. Repeating it could apply it twice, so it counts as an outside effect. */
export const applyPatch = defineTool({
  name: 'apply_patch',
  description: `Changes files of the workspace by a patch: all of it or, where any part does not fit, none of it. Form:
*** Begin Patch
*** Update File: src/app.py
*** Move to: src/main.py
@@ def greet():
     name = "you"
-    print("Hi")
+    print("Hello,", name)
*** Add File: notes/new.txt
+Every line of a new file begins with a plus.
*** Delete File: old.txt
*** End Patch
"Move to" is only for renaming. In an update each line begins with a space (is kept), "-" (is removed) or "+" (is added); copy kept and removed lines exactly, and give three of them around a change. A hunk begins with "@@", which may name a line of the file above the change (a function, a class) where the same lines occur more than once. Hunks stand in the file's order; there are no line numbers.`,
  effect: 'external',
  timeoutMs: WAIT_MS + 60_000,
  input: z.strictObject({
    patch: z
      .string()
      .min(1)
      .max(2_000_000)
      .describe('The patch, from "*** Begin Patch" to "*** End Patch". Paths are relative to the workspace.'),
  }),
  async execute({ patch }, { workspace, quota, signal }) {
    const changes = parsePatch(patch);
    if (changes.length > MAX_FILES)
      throw new ReeveError('invalid_request', `patch: changes ${changes.length} files, and ${MAX_FILES} are allowed`);
    using _turn = await turns.take(WAIT_MS, signal);
    const plan = await planOf(workspace, changes, signal);
    await quota.requireRoom(workspace, growthOf(plan), signal);
    await carryOut(workspace, plan);
    return success({ files: changes.map(summaryOf) });
  },
});

/** A change of one file, with what takes it back. */
type Action =
  | { readonly kind: 'write'; readonly path: string; readonly content: string; readonly before: string | undefined }
  | { readonly kind: 'remove'; readonly path: string; readonly before: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string };

/** What a patch comes to, computed before anything is changed. */
async function planOf(workspace: string, changes: readonly FileChange[], signal: AbortSignal): Promise<Action[]> {
  const files = createDraft(workspace);
  const effort: Effort = { comparisons: 0 };
  const actions: Action[] = [];
  for (const change of changes) {
    await breathe();
    signal.throwIfAborted();
    const { path } = change;
    if (change.kind === 'add') {
      await files.requireFree(path);
      actions.push({ kind: 'write', path, content: await files.set(path, change.content), before: undefined });
      continue;
    }
    const before = await files.read(path);
    if (change.kind === 'delete') {
      await files.remove(path);
      actions.push({ kind: 'remove', path, before });
      continue;
    }
    const content = applyHunks(path, before, change.hunks, effort);
    if (content !== before) actions.push({ kind: 'write', path, content: await files.set(path, content), before });
    if (change.moveTo === undefined) continue;
    await files.requireFree(change.moveTo);
    await files.remove(path);
    await files.set(change.moveTo, content);
    actions.push({ kind: 'rename', from: path, to: change.moveTo });
  }
  return actions;
}

/** By how much the files of a plan grow in all. */
function growthOf(actions: readonly Action[]): number {
  const sizeOf = (content = '') => Buffer.byteLength(content);
  const grown = actions.map((action) => {
    if (action.kind === 'rename') return 0;
    return (action.kind === 'write' ? sizeOf(action.content) : 0) - sizeOf(action.before);
  });
  return Math.max(
    0,
    grown.reduce((sum, bytes) => sum + bytes, 0),
  );
}

/** The files of a workspace as they would be; a file that goes by several names is one. Bounds what is read and set in all. */
function createDraft(workspace: string) {
  const drafts = new Map<string, string | undefined>();
  const keyOf = (path: string) => resolveInside(workspace, path);
  let total = 0;
  const count = (bytes: number) => {
    total += bytes;
    if (total > MAX_TOTAL_BYTES)
      throw new ReeveError(
        'invalid_request',
        `patch: its files have more than ${MAX_TOTAL_BYTES} bytes in all, before and after; give several smaller patches`,
      );
  };
  const read = async (path: string): Promise<string> => {
    const key = await keyOf(path);
    const content = drafts.has(key) ? drafts.get(key) : await readTextFile(workspace, path, MAX_WRITE_BYTES);
    if (content === undefined) throw new ReeveError('invalid_request', `${JSON.stringify(path)} does not exist`);
    count(Buffer.byteLength(content));
    return content;
  };
  return {
    read,
    async requireFree(path: string): Promise<void> {
      const key = await keyOf(path);
      const isTaken = drafts.has(key) ? drafts.get(key) !== undefined : await existsInside(workspace, path);
      if (isTaken)
        throw new ReeveError(
          'invalid_request',
          `${JSON.stringify(path)} exists already; update it, or delete it first`,
        );
    },
    async set(path: string, content: string): Promise<string> {
      const bytes = Buffer.byteLength(content);
      if (bytes > MAX_WRITE_BYTES)
        throw new ReeveError(
          'invalid_request',
          `${JSON.stringify(path)} would have ${bytes} bytes, and ${MAX_WRITE_BYTES} are allowed`,
        );
      count(bytes);
      drafts.set(await keyOf(path), content);
      return content;
    },
    remove: async (path: string) => void drafts.set(await keyOf(path), undefined),
  };
}

/** Carries out a plan; where one action fails, takes back those before it and throws what failed. */
async function carryOut(workspace: string, actions: readonly Action[]): Promise<void> {
  const done: Action[] = [];
  for (const action of actions) {
    try {
      await perform(workspace, action);
      done.push(action);
    } catch (error) {
      for (const each of done.toReversed())
        await takeBack(workspace, each).catch((cause: unknown) => {
          const path = each.kind === 'rename' ? each.to : each.path;
          throw new ReeveError(
            'invalid_request',
            `${ReeveError.from(error).message}; and the change of ${JSON.stringify(path)} could not be taken back: read the files again`,
            { cause },
          );
        });
      throw error;
    }
  }
}

async function perform(workspace: string, action: Action): Promise<void> {
  if (action.kind === 'write') await writeInside(workspace, action.path, Buffer.from(action.content));
  else if (action.kind === 'remove') await removeInside(workspace, action.path);
  else await renameInside(workspace, action.from, action.to);
}

async function takeBack(workspace: string, action: Action): Promise<void> {
  if (action.kind === 'rename') await renameInside(workspace, action.to, action.from);
  else if (action.before === undefined) await removeInside(workspace, action.path);
  else await writeInside(workspace, action.path, Buffer.from(action.before));
}

function summaryOf(change: FileChange): Record<string, unknown> {
  if (change.kind !== 'update') return { path: change.path, change: change.kind === 'add' ? 'added' : 'deleted' };
  const { path, moveTo, hunks } = change;
  const count = (kind: 'add' | 'remove') => hunks.flatMap(({ lines }) => lines.filter((line) => line.kind === kind));
  return {
    path: moveTo ?? path,
    change: moveTo === undefined ? 'updated' : 'moved',
    lines_added: count('add').length,
    lines_removed: count('remove').length,
  };
}
