import { once } from 'node:events';
import { EXIT } from './failure.ts';
import { note } from './output.ts';

/** Writes the lines of an export to stdout, and answers the exit code: an export whose last line is not there has failed. */
export async function writeExport(lines: AsyncIterable<string>): Promise<number> {
  const gone = new AbortController();
  // A reader such as `head` that has enough is no failure.
  process.stdout.on('error', () => gone.abort());
  let last = '';
  for await (const line of lines) {
    if (gone.signal.aborted) return EXIT.done;
    if (!process.stdout.write(`${line}\n`))
      await once(process.stdout, 'drain', { signal: gone.signal }).catch(() => undefined);
    last = line;
  }
  if (last.startsWith('{"exported":')) return EXIT.done;
  note('reeve: the export broke off before its end');
  return EXIT.failed;
}
