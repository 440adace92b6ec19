import { fromBufferPromise } from 'yauzl';
import { Unreadable } from './document.ts';

const MAX_ENTRIES = 10_000;
const MAX_UNPACKED_BYTES = 200 * 1_048_576;

/**
 * Makes sure that an archive may be unpacked in memory, and answers the names in it. It is unpacked once piece by piece, since
 * files may be longer than the archive says. Throws `Unreadable` for what is no archive, broken, encrypted, or more
 * than 200 MiB when unpacked.
 */
export async function checkZip(bytes: Buffer): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  let left = MAX_UNPACKED_BYTES;
  try {
    const zip = await fromBufferPromise(bytes, { strictFileNames: true });
    if (zip.entryCount > MAX_ENTRIES) throw new Unreadable(`it holds more than ${MAX_ENTRIES} files`);
    for await (const entry of zip.eachEntry()) {
      names.add(entry.fileName);
      left -= entry.uncompressedSize;
      if (left < 0) throw new Unreadable(`it is more than ${MAX_UNPACKED_BYTES / 1_048_576} MiB when unpacked`);
      for await (const _piece of await zip.openReadStreamPromise(entry));
    }
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    throw new Unreadable(`its ZIP archive is broken: ${(error as Error).message}`, { cause: error });
  }
  return names;
}
