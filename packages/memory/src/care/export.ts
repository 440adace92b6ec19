import type { Memory } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { selectMemoryPage, type PagePoint } from './export-store.ts';

/** Memories that are read at a time. */
const PAGE = 500;

/** The last line of an export. */
export interface MemoriesExported {
  readonly exported: number;
}

/**
 * A tenant's memories, or those of a persona, as lines of JSON, the oldest first, and a last line that says how many there were. Read
 * a page at a time: what is remembered meanwhile is there too. Ends early where the signal aborts, without that last line.
 */
export async function* exportMemories(
  { db }: Pick<Database, 'db'>,
  tenantId: string,
  personaId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  let exported = 0;
  let after: PagePoint | undefined;
  do {
    if (signal.aborted) return;
    const page: { memories: Memory[]; last: PagePoint | undefined } = await inTenant(db, tenantId, (tx) =>
      selectMemoryPage(tx, tenantId, personaId, after, PAGE),
    );
    for (const memory of page.memories) yield JSON.stringify(memory);
    exported += page.memories.length;
    after = page.last;
  } while (after !== undefined);
  const end: MemoriesExported = { exported };
  yield JSON.stringify(end);
}
