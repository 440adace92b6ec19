import { once } from 'node:events';
import { EXIT } from './failure.ts';
import type { CommandIo } from './io.ts';
import { note } from './output.ts';

/** Writes the lines of an export to stdout, and answers the exit code: 1 where the last line, which counts them, is missing. */
export async function writeExport(io: CommandIo, lines: AsyncIterable<string>): Promise<number> {
  const { stdout } = io;
  const gone = new AbortController();
  // A reader such as `head` that has enough is no failure.
  stdout.on('error', () => gone.abort());
  let last = '';
  for await (const line of lines) {
    if (gone.signal.aborted) return EXIT.done;
    if (!stdout.write(`${line}\n`)) await once(stdout, 'drain', { signal: gone.signal }).catch(() => undefined);
    last = line;
  }
  if (last.startsWith('{"exported":')) return EXIT.done;
  note(io, 'reeve: the export broke off before its end');
  return EXIT.failed;
}
