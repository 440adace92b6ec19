import { NativeSelect } from '@mantine/core';
import { routes, type RecallMatch } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { recallQuery } from '../../api/memory.ts';
import { AskForm } from '../../ui/ask-form.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Matches } from '../../ui/matches.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { DeleteMemory } from './delete-memory.tsx';
import { RECALLED, type Recalled } from './kinds.ts';
import { RecallView } from './recall-view.tsx';

export interface MemoryView {
  /** What is looked for. */
  readonly ask?: string | undefined;
  readonly in?: Recalled | undefined;
  readonly top?: number | undefined;
}

interface MemoryPageProps {
  readonly search: MemoryView;
  readonly onSearch: (change: MemoryView, replace?: boolean) => void;
}

/** What agents remembered, and what was said in sessions: how it is found, and where it comes from. */
export function MemoryPage({ search, onSearch }: MemoryPageProps) {
  return (
    <AdminPage title="Memory" lead="What agents have remembered, searched as they search it." needs={routes.recall}>
      <Memory search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

const TOPS = [10, 25, 100] as const;

const KINDS = {
  memory: { label: 'What was remembered', kinds: ['memory'] },
  message: { label: 'Messages of sessions', kinds: ['message'] },
  both: { label: 'Both', kinds: ['memory', 'message'] },
} as const satisfies Record<Recalled, { readonly label: string; readonly kinds: readonly RecallMatch['kind'][] }>;

function Memory({ search: { ask, in: where = 'memory', top = TOPS[0] }, onSearch }: MemoryPageProps) {
  const query = useQuery({
    ...recallQuery({ text: ask ?? '', topK: top, kinds: KINDS[where].kinds }),
    enabled: ask !== undefined,
  });
  const refusal = useRefusal(routes.deleteMemory.access);
  const [deleting, setDeleting] = useState<RecallMatch>();
  return (
    <>
      <AskForm
        label="Search memory"
        placeholder="What may have been remembered"
        asked={ask}
        isAsking={query.isFetching}
        onAsk={(text) => (text === ask ? void query.refetch() : onSearch({ ask: text }))}
      >
        <NativeSelect
          label="In"
          size="xs"
          data={RECALLED.map((value) => ({ value, label: KINDS[value].label }))}
          value={where}
          onChange={(event) => onSearch({ in: RECALLED.find((kind) => kind === event.currentTarget.value) }, true)}
        />
        <NativeSelect
          label="At most"
          size="xs"
          data={TOPS.map((count) => ({ value: String(count), label: `${count} matches` }))}
          value={String(top)}
          onChange={(event) => onSearch({ top: Number(event.currentTarget.value) }, true)}
        />
      </AskForm>
      {ask === undefined ? (
        <Empty
          title="Type what may have been remembered. It is shown with where it comes from, best first."
          command='reeve memory search "when the alarm is tested"'
        />
      ) : (
        <Matches<RecallMatch>
          query={query}
          nothing="Nothing there has a word of it. Memories are found by their words: try others."
          note="found by their words, best first"
        >
          {(match, index) => (
            <RecallView
              key={`${match.kind} ${match.id}`}
              match={match}
              rank={index + 1}
              refusal={refusal}
              onDelete={() => setDeleting(match)}
            />
          )}
        </Matches>
      )}
      {deleting !== undefined && <DeleteMemory memory={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}
