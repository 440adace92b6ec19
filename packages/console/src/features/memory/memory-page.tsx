import { routes } from '@reeve/contract';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { AdminPage } from '../admin/admin-page.tsx';
import { DeleteMemory } from './delete-memory.tsx';
import { MemoryDialog } from './memory-dialog.tsx';
import { MemoryForm } from './memory-form.tsx';
import { MemoryList } from './memory-list.tsx';
import { MemorySearch } from './memory-search.tsx';
import { MemoryTabs } from './memory-tabs.tsx';
import { MergeMemories } from './merge-memories.tsx';
import type { MemoryActions, Recalled } from './recall-view.tsx';
import type { MemoryPageProps } from './view.ts';

/** What agents remembered, and what was said in sessions: how it is found, and where it comes from. */
export function MemoryPage({ search, onSearch }: MemoryPageProps) {
  return (
    <AdminPage title="Memory" lead="What agents have remembered, and how they find it." needs={routes.recall}>
      <MemoryTabs />
      <Memory search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

function Memory({ search, onSearch }: MemoryPageProps) {
  const { edit, merge } = search;
  const refusal = useRefusal(routes.updateMemory.access);
  const [deleting, setDeleting] = useState<Recalled>();
  const actions: MemoryActions = {
    refusal,
    onEdit: ({ id }) => onSearch({ edit: id }),
    onMerge: ({ id }) => onSearch({ merge: id }),
    onDelete: setDeleting,
  };
  const close = (): void => onSearch({ edit: undefined, merge: undefined }, true);
  return (
    <>
      <MemorySearch search={search} onSearch={onSearch} actions={actions} />
      {search.ask === undefined && <MemoryList search={search} onSearch={onSearch} actions={actions} />}
      {edit !== undefined && refusal === undefined && (
        <MemoryDialog key={edit} id={edit} title="Edit the memory" onClose={close}>
          {(memory) => (
            <MemoryForm
              memory={memory}
              onMerge={() => onSearch({ edit: undefined, merge: edit }, true)}
              onClose={close}
            />
          )}
        </MemoryDialog>
      )}
      {merge !== undefined && refusal === undefined && (
        <MemoryDialog key={merge} id={merge} title="Merge two memories" onClose={close}>
          {(memory) => <MergeMemories memory={memory} onClose={close} />}
        </MemoryDialog>
      )}
      {deleting !== undefined && <DeleteMemory memory={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}
