import { Button } from '@mantine/core';
import { routes, type KnowledgeBase, type KnowledgeDocument, type Persona } from '@reeve/contract';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { documentsQuery, DOCUMENTS_PER_PAGE, type Base } from '../../api/knowledge.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { GatedButton } from '../../ui/gated-button.tsx';
import { PlusIcon, UploadIcon } from '../../ui/icons.ts';
import { Pager } from '../../ui/pager.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { refuseFolders } from '../uploads/refuse-folders.ts';
import { UploadList } from '../uploads/upload-list.tsx';
import { addUploads } from '../uploads/uploads.ts';
import { useChooser } from '../uploads/use-chooser.ts';
import { useDrop } from '../uploads/use-drop.ts';
import { BASES } from './bases.ts';
import { DeleteDocument } from './delete-document.tsx';
import { DocumentDrawer } from './document-drawer.tsx';
import { DocumentTable } from './document-table.tsx';
import { knowledgeBase } from './knowledge-base.ts';
import classes from './knowledge.module.css';
import { TextForm } from './text-form.tsx';
import type { BaseSearch } from './base-search.ts';

interface BaseViewProps {
  readonly persona: Persona;
  readonly kb: KnowledgeBase;
  readonly search: BaseSearch;
  readonly onSearch: (change: BaseSearch, replace?: boolean) => void;
}

/** A knowledge base: its documents, and ways to add some and to take them out. */
export function BaseView({ persona, kb, search, onSearch }: BaseViewProps) {
  const { q, offset = 0 } = search;
  const base: Base = { personaId: persona.id, kb };
  const to = knowledgeBase(base);
  const cache = useQueryClient();
  const query = useQuery(documentsQuery(base, q, offset));
  const refusal = useRefusal(kb === 'Soul-KB' ? 'operator' : routes.addDocument.access);
  const mayAdd = refusal === undefined;
  const [deleting, setDeleting] = useState<KnowledgeDocument>();
  const documents = query.data?.documents ?? [];

  const take = (files: readonly File[]): void =>
    addUploads(
      cache,
      to,
      files.map((file) => ({ file, path: file.name, taken: false })),
    );
  const choose = useChooser(take);
  const { isOver, ...drop } = useDrop(take, refuseFolders);
  return (
    <section
      aria-label={BASES[kb].name}
      className={classes.knowledge}
      data-over={(mayAdd && isOver) || undefined}
      {...(mayAdd && drop)}
    >
      <p className={classes.about}>
        {BASES[kb].about}
        {refusal !== undefined && <strong> {refusal}</strong>}
      </p>
      <div className={classes.tools}>
        <SearchField
          className={classes.grow}
          label="Search documents"
          placeholder="Search by title or source"
          value={q}
          onSearch={(text) => onSearch({ q: text, offset: undefined }, true)}
        />
        <GatedButton
          variant="default"
          refusal={refusal}
          leftSection={<PlusIcon size={16} />}
          onClick={() => onSearch({ add: true })}
        >
          Add text
        </GatedButton>
        <GatedButton refusal={refusal} leftSection={<UploadIcon size={16} />} onClick={choose}>
          Upload
        </GatedButton>
      </div>
      <UploadList to={to} />
      {query.isPending && <SkeletonRows rows={5} height={52} label="Loading the documents" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The documents could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && documents.length === 0 && (
        <NoDocuments persona={persona} kb={kb} q={q} isPast={offset > 0} onUpload={mayAdd ? choose : undefined} />
      )}
      {documents.length > 0 && (
        <DocumentTable
          persona={persona}
          documents={documents}
          refusal={refusal}
          search={search}
          onDelete={setDeleting}
        />
      )}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={DOCUMENTS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
      {mayAdd && documents.length > 0 && (
        <p className={classes.hint}>
          Files can be dropped here. One of the same name replaces what came from it before.
        </p>
      )}
      <DocumentDrawer base={base} search={search} refusal={refusal} onSearch={onSearch} onDelete={setDeleting} />
      {search.add === true && mayAdd && (
        <TextForm
          base={base}
          onClose={() => onSearch({ add: undefined }, true)}
          onSaved={({ id }) => onSearch({ add: undefined, document: id }, true)}
        />
      )}
      {deleting !== undefined && (
        <DeleteDocument
          base={base}
          document={deleting}
          onClose={() => setDeleting(undefined)}
          onDeleted={() => {
            setDeleting(undefined);
            if (search.document === deleting.id) onSearch(CLOSED, true);
          }}
        />
      )}
    </section>
  );
}

/** No document is open. */
const CLOSED = { document: undefined, from: undefined, chunk: undefined } as const;

interface NoDocumentsProps {
  readonly persona: Persona;
  readonly kb: KnowledgeBase;
  readonly q: string | undefined;
  /** Whether a page is meant that has nothing on it any more. */
  readonly isPast: boolean;
  readonly onUpload: (() => void) | undefined;
}

function NoDocuments({ persona: { slug }, kb, q, isPast, onUpload }: NoDocumentsProps) {
  if (q !== undefined || isPast)
    return (
      <Empty
        title={q === undefined ? 'There are no more documents.' : `No document here has “${q}” in its title or source.`}
      >
        <Link to="/admin/knowledge/$persona" params={{ persona: slug }} search={{ tab: kb }}>
          Show all documents
        </Link>
      </Empty>
    );
  const title = `The ${BASES[kb].name} is empty.`;
  if (onUpload === undefined) return <Empty title={title} />;
  return (
    <Empty
      title={`${title} Drop files here, or choose some.`}
      command={`reeve kb ingest docs --persona ${slug} --base ${kb}`}
    >
      <Button variant="default" leftSection={<UploadIcon size={16} />} onClick={onUpload}>
        Upload files
      </Button>
    </Empty>
  );
}
