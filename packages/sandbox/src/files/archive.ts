import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { listInside, openInside } from './files.ts';

const MAX_FILES = 200_000;

/**
 * Streams the regular files of a workspace as a zip archive. Links are omitted, and files that cannot be opened.
 */
export async function* archiveInside(workspace: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const { paths } = await listInside(workspace, { maxEntries: MAX_FILES, signal });
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.once('error', (error: Error) => output.destroy(error));
  const adding = addAll(zip, output, workspace, paths).catch((error: unknown) => output.destroy(error as Error));
  try {
    for await (const chunk of output as AsyncIterable<Uint8Array>) {
      signal.throwIfAborted();
      yield chunk;
    }
  } finally {
    output.destroy();
    await adding;
  }
}

/** Adds one file after another, so that only one is open, until the reader has gone. */
async function addAll(zip: ZipFile, output: Readable, workspace: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const handle = await openInside(workspace, path).catch(() => undefined);
    if (handle === undefined) continue;
    const { mtime, mode } = await handle.stat();
    const content = handle.createReadStream();
    const leave = () => content.destroy();
    output.once('close', leave);
    if (output.destroyed) leave();
    // The format has no backslash in names, and takes a letter with a colon for a disk.
    else zip.addReadStream(content, path.replaceAll('\\', '_').replace(/^([a-z]):/i, '$1_'), { mtime, mode });
    await once(content, 'close');
    output.off('close', leave);
    if (output.destroyed) return;
  }
  zip.end();
}
