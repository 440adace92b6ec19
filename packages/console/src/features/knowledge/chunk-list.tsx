import type { KnowledgeChunk, KnowledgeDocument } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { chunksQuery, CHUNKS_PER_PAGE, type Base } from '../../api/knowledge.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { Headings } from './headings.tsx';
import classes from './knowledge.module.css';

interface ChunkListProps {
  readonly base: Base;
  readonly document: KnowledgeDocument;
  readonly offset: number;
  /** Position of the chunk that the reader came for. */
  readonly meant: number | undefined;
  readonly onOffset: (offset: number) => void;
}

/** The chunks of a document, in order: what of it can be found, and as what. */
export function ChunkList({ base, document: { id, chunk_count: count }, offset, meant, onOffset }: ChunkListProps) {
  const query = useQuery(chunksQuery(base, id, offset));
  const chunks = query.data?.chunks;
  return (
    <section aria-labelledby="chunks" className={classes.chunks}>
      <h3 id="chunks">Chunks ({formatCount(count)})</h3>
      {query.isPending && <SkeletonRows rows={4} height={120} label="Loading the chunks" />}
      {query.isError && (
        <ErrorPanel
          title={chunks === undefined ? 'The chunks could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {chunks?.length === 0 && <p className={classes.hint}>There are no chunks here.</p>}
      {chunks?.map((chunk) => (
        <Chunk key={chunk.id} chunk={chunk} isMeant={chunk.position === meant} />
      ))}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={CHUNKS_PER_PAGE}
          offset={offset}
          onOffset={onOffset}
          sides={['Chunks before', 'Chunks after']}
        />
      )}
    </section>
  );
}

interface ChunkProps {
  readonly chunk: KnowledgeChunk;
  readonly isMeant: boolean;
}

function Chunk({ chunk: { position, page, headings, text }, isMeant }: ChunkProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isMeant) ref.current?.scrollIntoView({ block: 'center' });
  }, [isMeant]);
  return (
    <div ref={ref} className={classes.chunk} data-meant={isMeant || undefined}>
      <Headings headings={headings} />
      <TextBlock label={page === null ? `Chunk ${position}` : `Chunk ${position}, page ${page}`} value={text} />
    </div>
  );
}
