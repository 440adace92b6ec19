import { settled, startWatching, type ConfigOf, type Log } from '@reeve/kit';
import type { Tool, toolSettings } from '@reeve/tools';
import type { ExtensionFile } from './extension.ts';
import { readFolder, signOf, type ExtensionProblem, type Folder } from './folder.ts';
import { loadExtension, type Loaded } from './load.ts';
import type { ExtensionSandbox } from './tool.ts';

/*
 * The tools of the operator's folder, which is looked at again and again. What a tool is, its code is asked in the sandbox; it
 * is never loaded into this process. For each file:
 *
 *   absent ──appears, changes──► asked ──► good: its tool can be called
 *                                      └─► broken: its tool is listed with the reason, and refuses
 *   any ──is gone──► absent
 *
 * What lies in the folder is what runs, so a change that breaks a tool takes it away until it is mended.
 */

/** The tools that operators wrote. Disposing stops watching, and waits for what is being loaded. */
export interface Extensions extends AsyncDisposable {
  /** Once all that lay in the folder at the start was loaded: one for each file that defines a tool, good or broken. */
  tools(): Promise<readonly Tool[]>;
  /** What is wrong in the folder, now. */
  problems(): readonly ExtensionProblem[];
}

export interface ExtensionsOptions {
  /** The operator's folder; it need not be there. */
  readonly directory: string;
  readonly sandbox: ExtensionSandbox;
  /** Whether a name is another tool's. */
  readonly isTaken: (name: string) => boolean;
  readonly config: ConfigOf<typeof toolSettings>;
  readonly log: Log;
  /** Longest time between two looks, in milliseconds. */
  readonly lookMs?: number;
}

const LOOK_MS = 2_000;
/** Loaded at a time: each is a process. */
const AT_ONCE = 2;
const MAX_EXTENSIONS = 100;

/** Begins to load what is in the folder, and watches it. A broken extension stops no other. */
export function openExtensions(options: ExtensionsOptions): Extensions {
  const { directory, sandbox, isTaken, config, log, lookMs = LOOK_MS } = options;
  const loading = Promise.withResolvers<void>();
  let loaded: ReadonlyMap<string, Loaded> = new Map();
  let problems: readonly ExtensionProblem[] = [];
  let seen: string | undefined;

  async function look(signal: AbortSignal): Promise<void> {
    try {
      const isDue = [...loaded.values()].some(({ retryAt }) => retryAt < performance.now());
      if (!isDue && signOf(await readFolder(directory)) === seen) return;
      const sign = await settled(async () => signOf(await readFolder(directory)), signal);
      await read(await readFolder(directory), signal);
      seen = sign;
    } finally {
      loading.resolve();
    }
  }

  async function read(folder: Folder, signal: AbortSignal): Promise<void> {
    const free = folder.extensions.filter(({ name }) => !isTaken(name));
    const next = new Map<string, Loaded>();
    const due = [...free.slice(0, MAX_EXTENSIONS)];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let file = due.shift(); file !== undefined && !signal.aborted; file = due.shift()) {
          const before = loaded.get(file.name);
          next.set(file.name, isAsItWas(before, file) ? before : await load(file, before, signal));
        }
      }),
    );
    if (signal.aborted) return;
    for (const name of loaded.keys()) if (!next.has(name)) log.info({ tool: name }, 'an extension is gone');
    loaded = new Map([...next].toSorted(([one], [other]) => (one < other ? -1 : 1)));
    problems = [
      ...folder.problems,
      ...folder.extensions.filter(({ name }) => isTaken(name)).map(({ name, file }) => taken(name, file)),
      ...free
        .slice(MAX_EXTENSIONS)
        .map(({ file }) => ({ file, message: `there are more than ${MAX_EXTENSIONS} files` })),
    ];
    for (const problem of problems) log.error(problem, 'a file in the folder of extensions is left out');
  }

  async function load(file: ExtensionFile, before: Loaded | undefined, signal: AbortSignal): Promise<Loaded> {
    const made = await loadExtension({ sandbox, directory, config }, file, signal);
    if (made.reason === undefined) log.info({ file: file.file, tool: file.name }, 'an extension was loaded');
    else if (!signal.aborted && made.reason !== before?.reason)
      log.error({ file: file.file, reason: made.reason, err: made.cause }, 'an extension is broken');
    return made;
  }

  const watching = startWatching({ directory, look, lookMs, what: 'the folder of extensions', log });
  return {
    async tools() {
      await loading.promise;
      return [...loaded.values()].map(({ tool }) => tool);
    },
    problems: () => [
      ...problems,
      ...[...loaded.values()].flatMap(({ file: { file }, reason }) =>
        reason === undefined ? [] : [{ file, message: reason }],
      ),
    ],
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}

function isAsItWas(before: Loaded | undefined, { sign }: ExtensionFile): before is Loaded {
  return before !== undefined && before.file.sign === sign && before.retryAt > performance.now();
}

function taken(name: string, file: string): ExtensionProblem {
  return { file, message: `there is another tool ${name}; call it something else` };
}
