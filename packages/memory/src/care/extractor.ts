import { startRounds, type RoundOptions } from '../rounds.ts';
import { extractNext, type ExtractionParts } from './extract.ts';

/** Looks for facts in conversations that ended, in the background, one at a time, until disposed. Any number of processes may. */
export function startMemoryExtractor(parts: ExtractionParts, options?: RoundOptions): AsyncDisposable {
  const { database, log } = parts;
  return startRounds(
    database,
    log,
    'the extractor of memory',
    async (signal) => {
      while (!signal.aborted && (await extractNext(parts, signal)));
    },
    options,
  );
}
