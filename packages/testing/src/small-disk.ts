import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file system of a few megabytes. */
export interface SmallDisk extends AsyncDisposable {
  readonly directory: string;
  /** Takes all the room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  makeRoom(): Promise<void>;
}

/** Mounts one in memory for a user; undefined where this process may not mount. */
export async function mountSmallDisk(megabytes: number, user: string): Promise<SmallDisk | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-disk-'));
  const options = `size=${megabytes}m,mode=700,uid=${user}`;
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]).then(
    () => true,
    () => false,
  );
  if (!mounted) await rm(directory, { recursive: true });
  if (!mounted) return undefined;
  const filler = join(directory, 'filler');
  return {
    directory,
    async fill() {
      await using file = await open(filler, 'a');
      // In pages: less than one is all that stays.
      const full = (async () => {
        for (;;) await file.write(Buffer.alloc(4_096));
      })();
      await full.catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      });
    },
    makeRoom: () => rm(filler),
    async [Symbol.asyncDispose]() {
      await run('umount', ['--lazy', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
