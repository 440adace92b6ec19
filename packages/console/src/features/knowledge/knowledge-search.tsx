import { NativeSelect } from '@mantine/core';
import { KNOWLEDGE_BASES, type KnowledgeBase, type KnowledgeMatch, type Persona } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { knowledgeSearchQuery } from '../../api/knowledge.ts';
import { AskForm } from '../../ui/ask-form.tsx';
import { Empty } from '../../ui/empty.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { Matches } from '../../ui/matches.tsx';
import { BASES, tagsIn } from './bases.ts';
import classes from './knowledge.module.css';
import { MatchView } from './match-view.tsx';

export interface KnowledgeSearchView {
  /** What is looked for. */
  readonly ask?: string | undefined;
  /** One knowledge base; without it all but the Soul. */
  readonly in?: KnowledgeBase | undefined;
  readonly top?: number | undefined;
  /** Only documents with these, with commas between them. */
  readonly tags?: string | undefined;
}

interface KnowledgeSearchProps {
  /** Undefined for all of the tenant. */
  readonly persona: Persona | undefined;
  readonly search: KnowledgeSearchView;
  readonly onSearch: (change: KnowledgeSearchView, replace?: boolean) => void;
}

/** As many chunks as an agent is shown at the most when its run begins. */
const SHOWN_TO_AGENTS = 5;
const TOPS = [SHOWN_TO_AGENTS, 10, 25, 100] as const;

/** What knowledge bases say about something: with nothing narrowed down, what an agent of the persona is shown for such a task. */
export function KnowledgeSearch({ persona, search, onSearch }: KnowledgeSearchProps) {
  const { ask, in: kb, top = SHOWN_TO_AGENTS, tags = '' } = search;
  const question = { text: ask ?? '', topK: top, tags: tagsIn(tags), personaId: persona?.id, kb };
  const query = useQuery({ ...knowledgeSearchQuery(question), enabled: ask !== undefined });
  return (
    <section aria-label="Search knowledge">
      <p className={classes.about}>{persona === undefined ? ABOUT_ALL : ABOUT_ONE}</p>
      <AskForm
        label={persona === undefined ? 'Search all personas' : 'What would an agent get for'}
        placeholder="A task or a question, as an agent would be given it"
        asked={ask}
        isAsking={query.isFetching}
        onAsk={(text) => (text === ask ? void query.refetch() : onSearch({ ask: text }))}
      >
        <NativeSelect
          label="In"
          size="xs"
          data={[{ value: '', label: 'Domain, Body and Mind' }, ...BASE_OPTIONS]}
          value={kb ?? ''}
          onChange={(event) =>
            onSearch({ in: KNOWLEDGE_BASES.find((base) => base === event.currentTarget.value) }, true)
          }
        />
        <NativeSelect
          label="At most"
          size="xs"
          data={TOPS.map((count) => ({ value: String(count), label: `${count} matches` }))}
          value={String(top)}
          onChange={(event) => onSearch({ top: Number(event.currentTarget.value) }, true)}
        />
        <SearchField
          label="Tags that documents must have"
          className={classes.tagField}
          placeholder="Tags, with commas between"
          value={tags === '' ? undefined : tags}
          onSearch={(text) => onSearch({ tags: text }, true)}
        />
      </AskForm>
      {ask === undefined ? (
        <Empty title="Type what an agent would be asked. The chunks that say most about it are shown here, best first." />
      ) : (
        <Matches<KnowledgeMatch>
          query={query}
          nothing="No chunk there has a word of it. Try others, or look into another knowledge base."
          asked={ask}
        >
          {(match, index) => (
            <MatchView key={match.id} match={match} question={ask} rank={index + 1} ofAll={persona === undefined} />
          )}
        </Matches>
      )}
    </section>
  );
}

const BASE_OPTIONS = KNOWLEDGE_BASES.map((base) => ({ value: base, label: BASES[base].name }));

const ABOUT_ONE = `When a run begins, its agent is shown up to ${SHOWN_TO_AGENTS} chunks of Domain, Body and Mind that say most about its task, each with its source, beside the Soul in whole, what was remembered and what worked before. Try here what they are.`;
const ABOUT_ALL = 'Looks into the knowledge bases of all personas. An agent is shown those of its own persona alone.';
