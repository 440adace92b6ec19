import { NativeSelect, TextInput } from '@mantine/core';
import type { RecallMatch } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { recallQuery } from '../../api/memory.ts';
import { AskForm } from '../../ui/ask-form.tsx';
import { Matches } from '../../ui/matches.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { PersonaPicker } from '../knowledge/persona-picker.tsx';
import { RECALLED, type RecalledKind } from './kinds.ts';
import type { MemoryPageProps } from './view.ts';
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
  const { ask, in: where = 'memory', top = TOPS[0], persona, tag, from, to } = search;
  const query = useQuery({
    ...recallQuery({ text: ask ?? '', topK: top, kinds: KINDS[where].kinds, personaId: persona, tag, from, to }),
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
        <SearchField
          className={classes.tag}
          label="Tag that memories must have"
          placeholder="Only those with a tag"
          value={tag}
          onSearch={(text) => onSearch({ tag: text, offset: undefined }, true)}
        />
        {ask !== undefined && (
          <>
            <Day label="First day" value={from} max={to} onChange={(day) => onSearch({ from: day }, true)} />
            <Day label="Last day" value={to} min={from} onChange={(day) => onSearch({ to: day }, true)} />
          </>
        )}
        {ask !== undefined && (
          <Link to="/admin/memory" search={{ persona }} className={classes.all}>
            All memories
          </Link>
        )}
      </AskForm>
      {ask !== undefined && (
        <Matches<RecallMatch>
          query={query}
          nothing={
            tag === undefined && from === undefined && to === undefined
              ? 'Nothing there has a word of it. Try others.'
              : 'Nothing there has a word of it, the tag, and is of that time.'
          }
          asked={ask}
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

interface DayProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly min?: string | undefined;
  readonly max?: string | undefined;
  readonly onChange: (day: string | undefined) => void;
}

/** One end of the time in which something was remembered or said: a day in UTC. */
function Day({ label, value, min, max, onChange }: DayProps) {
  return (
    <TextInput
      type="date"
      size="xs"
      label={label}
      min={min}
      max={max}
      value={value ?? ''}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}
