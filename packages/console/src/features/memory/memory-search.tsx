import { NativeSelect } from '@mantine/core';
import type { RecallMatch } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { recallQuery } from '../../api/memory.ts';
import { AskForm } from '../../ui/ask-form.tsx';
import { firstLine } from '../../ui/format.ts';
import { Matches } from '../../ui/matches.tsx';
import { PersonaPicker } from '../knowledge/persona-picker.tsx';
import { RECALLED, type RecalledKind } from './kinds.ts';
import type { MemoryPageProps } from './memory-page.tsx';
import classes from './memory.module.css';
import { RecallView, type MemoryActions } from './recall-view.tsx';

interface MemorySearchProps extends MemoryPageProps {
  readonly actions: MemoryActions;
}

const TOPS = [10, 25, 100] as const;

const KINDS = {
  memory: { label: 'What was remembered', kinds: ['memory'] },
  message: { label: 'Messages of sessions', kinds: ['message'] },
  both: { label: 'Both', kinds: ['memory', 'message'] },
} as const satisfies Record<RecalledKind, { readonly label: string; readonly kinds: readonly RecallMatch['kind'][] }>;

/** Looks for what was remembered or said, as agents do; where something is looked for, shows what was found and by what. */
export function MemorySearch({ search, onSearch, actions }: MemorySearchProps) {
  const { ask, in: where = 'memory', top = TOPS[0], persona } = search;
  const query = useQuery({
    ...recallQuery({ text: ask ?? '', topK: top, kinds: KINDS[where].kinds, personaId: persona }),
    enabled: ask !== undefined,
  });
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
        <PersonaPicker value={persona} onChange={(id) => onSearch({ persona: id, offset: undefined }, true)} />
        <NativeSelect
          label="At most"
          size="xs"
          data={TOPS.map((count) => ({ value: String(count), label: `${count} matches` }))}
          value={String(top)}
          onChange={(event) => onSearch({ top: Number(event.currentTarget.value) }, true)}
        />
        {ask !== undefined && (
          <Link to="/admin/memory" search={{ persona }} className={classes.all}>
            All memories
          </Link>
        )}
      </AskForm>
      {ask !== undefined && (
        <Matches<RecallMatch>
          query={query}
          nothing="Nothing there has a word of it. Memories are found by their words: try others."
          note={`found for “${firstLine(ask, 60)}” by its words, best first`}
        >
          {(match, index) => (
            <RecallView
              key={`${match.kind} ${match.id}`}
              item={match}
              question={ask}
              place={index + 1}
              actions={actions}
            />
          )}
        </Matches>
      )}
    </>
  );
}
