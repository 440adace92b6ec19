import { NativeSelect } from '@mantine/core';
import { routes, type RecallMatch } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRefusal } from '../../api/identity.ts';
import { recallQuery } from '../../api/memory.ts';
import { AskForm } from '../../ui/ask-form.tsx';
import { Matches } from '../../ui/matches.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { DeleteMemory } from './delete-memory.tsx';
import { RECALLED, type RecalledKind } from './kinds.ts';
import { MemoryList } from './memory-list.tsx';
import classes from './memory.module.css';
import { RecallView, type Recalled } from './recall-view.tsx';

export interface MemoryView {
  /** What is looked for. */
  readonly ask?: string | undefined;
  readonly in?: RecalledKind | undefined;
  readonly top?: number | undefined;
  /** Where nothing is looked for, what the listed memories must have. */
  readonly tag?: string | undefined;
  readonly offset?: number | undefined;
}

interface MemoryPageProps {
  readonly search: MemoryView;
  readonly onSearch: (change: MemoryView, replace?: boolean) => void;
}

/** What agents remembered, and what was said in sessions: how it is found, and where it comes from. */
export function MemoryPage({ search, onSearch }: MemoryPageProps) {
  return (
    <AdminPage title="Memory" lead="What agents have remembered, and how they find it." needs={routes.recall}>
      <Memory search={search} onSearch={onSearch} />
    </AdminPage>
  );
}

const TOPS = [10, 25, 100] as const;

const KINDS = {
  memory: { label: 'What was remembered', kinds: ['memory'] },
  message: { label: 'Messages of sessions', kinds: ['message'] },
  both: { label: 'Both', kinds: ['memory', 'message'] },
} as const satisfies Record<RecalledKind, { readonly label: string; readonly kinds: readonly RecallMatch['kind'][] }>;

function Memory({ search, onSearch }: MemoryPageProps) {
  const { ask, in: where = 'memory', top = TOPS[0], tag, offset = 0 } = search;
  const query = useQuery({
    ...recallQuery({ text: ask ?? '', topK: top, kinds: KINDS[where].kinds }),
    enabled: ask !== undefined,
  });
  const refusal = useRefusal(routes.deleteMemory.access);
  const [deleting, setDeleting] = useState<Recalled>();
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
        {ask !== undefined && (
          <Link to="/admin/memory" search={{}} className={classes.all}>
            All memories
          </Link>
        )}
      </AskForm>
      {ask === undefined ? (
        <>
          <SearchField
            className={classes.search}
            label="Tag that memories must have"
            placeholder="Only those with a tag"
            value={tag}
            onSearch={(text) => onSearch({ tag: text, offset: undefined }, true)}
          />
          <MemoryList
            tag={tag}
            offset={offset}
            refusal={refusal}
            onOffset={(next) => onSearch({ offset: next || undefined })}
            onDelete={setDeleting}
          />
        </>
      ) : (
        <Matches<RecallMatch>
          query={query}
          nothing="Nothing there has a word of it. Memories are found by their words: try others."
          note="found by their words, best first"
        >
          {(match, index) => (
            <RecallView
              key={`${match.kind} ${match.id}`}
              item={match}
              place={index + 1}
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
