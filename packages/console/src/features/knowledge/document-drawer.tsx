import { Drawer } from '@mantine/core';
import type { KnowledgeDocument } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { CHUNKS_PER_PAGE, documentQuery, type Base } from '../../api/knowledge.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatBytes, formatCount, formatDate } from '../../ui/format.ts';
import { GatedButton } from '../../ui/gated-button.tsx';
import { DeleteIcon } from '../../ui/icons.ts';
import { Identifier } from '../../ui/identifier.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import type { BaseSearch } from './base-search.ts';
import { ChunkList } from './chunk-list.tsx';
import { nameOf } from './document-name.ts';
import classes from './knowledge.module.css';

interface DocumentDrawerProps {
  readonly base: Base;
  readonly search: BaseSearch;
  /** Why the caller may not delete it; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onSearch: (change: BaseSearch, replace?: boolean) => void;
  readonly onDelete: (document: KnowledgeDocument) => void;
}

/** A document in full: where it comes from, and all of its text in the chunks that it is found by. */
export function DocumentDrawer({ base, search, refusal, onSearch, onDelete }: DocumentDrawerProps) {
  const { document: id, chunk, from = chunk === undefined ? 0 : pageOf(chunk) } = search;
  return (
    <Drawer
      opened={id !== undefined}
      onClose={() => onSearch({ document: undefined, from: undefined, chunk: undefined })}
      position="right"
      size="min(46rem, 100vw)"
      title="Document"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {id !== undefined && (
        <Details key={id} base={base} id={id} refusal={refusal} onDelete={onDelete}>
          {(document) => (
            <ChunkList
              base={base}
              document={document}
              offset={from}
              meant={chunk}
              onOffset={(next) => onSearch({ from: next })}
            />
          )}
        </Details>
      )}
    </Drawer>
  );
}

/** Offset of the page on which a chunk stands. */
function pageOf(chunk: number): number {
  return Math.floor((chunk - 1) / CHUNKS_PER_PAGE) * CHUNKS_PER_PAGE;
}

interface DetailsProps extends Pick<DocumentDrawerProps, 'base' | 'refusal' | 'onDelete'> {
  readonly id: string;
  readonly children: (document: KnowledgeDocument) => React.ReactNode;
}

function Details({ base, id, refusal, onDelete, children }: DetailsProps) {
  const query = useQuery(documentQuery(base, id));
  const document = query.data;
  if (document === undefined)
    return query.isError ? (
      <ErrorPanel title="The document could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={5} height={48} label="Loading the document" />
    );
  const { source, tags, media_type: type, size, chunk_count: chunks, sha256 } = document;
  return (
    <article className={classes.details}>
      <header>
        <h2>{nameOf(document)}</h2>
        <GatedButton
          variant="default"
          size="xs"
          refusal={refusal}
          leftSection={<DeleteIcon size={15} />}
          onClick={() => onDelete(document)}
        >
          Delete
        </GatedButton>
      </header>
      {query.isError && <ErrorPanel title="What you see may be old" error={query.error} />}
      <Facts
        facts={[
          ['Source', source],
          ['Tags', tags.length === 0 ? null : tags.join(', ')],
          ['Type', type],
          ['Size', `${formatBytes(size)}, ${chunks === 1 ? '1 chunk' : `${formatCount(chunks)} chunks`}`],
          ['Added', `${formatDate(document.created_at)} by ${document.created_by}`],
          ['Changed', document.updated_at === document.created_at ? null : formatDate(document.updated_at)],
          ['SHA-256', <Identifier key="s" id={sha256} of="SHA-256" />],
          ['Document', <Identifier key="i" id={id} of="document id" />],
        ]}
      />
      {children(document)}
    </article>
  );
}
