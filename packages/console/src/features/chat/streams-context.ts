import { createContext, use } from 'react';
import type { RunStreams } from './run-streams.ts';

/** Hands the tab's live runs to the pages. */
export const StreamsContext = createContext<RunStreams | null>(null);

/** The live runs of this tab; throws outside the console's root. */
export function useRunStreams(): RunStreams {
  const streams = use(StreamsContext);
  if (streams === null) throw new Error('useRunStreams needs a StreamsContext above it');
  return streams;
}
