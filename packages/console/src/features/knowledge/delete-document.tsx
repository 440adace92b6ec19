import type { KnowledgeDocument } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { deleteDocument, refreshKnowledge, type Base } from '../../api/knowledge.ts';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';
import { formatCount } from '../../ui/format.ts';
import { BASES } from './bases.ts';
import { nameOf } from './document-name.ts';

/** How sources of documents begin that Reeve keeps up to date by itself. */
const KEPT_BY_REEVE = 'reeve:';

interface DeleteDocumentProps {
  readonly base: Base;
  readonly document: KnowledgeDocument;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

/** Asks before a document is deleted. */
export function DeleteDocument({ base, document, onDeleted, onClose }: DeleteDocumentProps) {
  const cache = useQueryClient();
  const { id, chunk_count: chunks, source } = document;
  const isOurs = source?.startsWith(KEPT_BY_REEVE) ?? false;
  return (
    <DeleteDialog
      what="document"
      onDelete={() => deleteDocument(base, id)}
      onSettled={() => refreshKnowledge(cache)}
      onDeleted={onDeleted}
      onClose={onClose}
    >
      “{nameOf(document)}” is deleted from the {BASES[base.kb].name} with its{' '}
      {chunks === 1 ? 'chunk' : `${formatCount(chunks)} chunks`}; agents no longer find it.{' '}
      {isOurs ? 'Reeve writes it anew when it looks again.' : 'This can’t be undone.'}
    </DeleteDialog>
  );
}
