import { startRounds, type RoundOptions } from '@reeve/db';
import { extractNext, type ExtractionParts } from './extract.ts';

/** Looks for facts in conversations that ended, in the background, one at a time, until disposed. Any number of processes may. */
export function startMemoryExtractor(parts: ExtractionParts, options?: RoundOptions): AsyncDisposable {
  const { database, log } = parts;
  const round = async (signal: AbortSignal) => {
    while (!signal.aborted && (await extractNext(parts, signal)));
  };
  return startRounds(database, log, { name: 'the extractor of memory', round }, options);
}
