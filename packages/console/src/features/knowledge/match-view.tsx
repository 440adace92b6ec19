import type { KnowledgeMatch } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Score } from '../../ui/matches.tsx';
import { Tag } from '../../ui/tag.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { BASES } from './bases.ts';
import { nameOf } from './document-name.ts';
import { Headings } from './headings.tsx';
import classes from './knowledge.module.css';
import { PersonaLink } from './persona-link.tsx';

interface MatchViewProps {
  readonly match: KnowledgeMatch;
  /** What was looked for. */
  readonly question: string;
  /** From 1. */
  readonly rank: number;
  /** Whether it may be of any persona, so that it is told of which. */
  readonly ofAll: boolean;
}

/** A chunk that was found: its text, how much it says, and where it stands. */
export function MatchView({ match, question, rank, ofAll }: MatchViewProps) {
  const { document_id: id, persona_id: persona, knowledge_base: kb, title, source, headings, score } = match;
  const { position, page, tags, text } = match;
  const name = nameOf({ id, title, source });
  return (
    <li>
      <div className={classes.match}>
        <span className={classes.rank}>{rank}.</span>
        <Link
          to="/admin/knowledge/$persona"
          params={{ persona }}
          search={{ tab: kb, document: id, chunk: position }}
          className={classes.title}
        >
          {name}
        </Link>
        <Tag>{BASES[kb].name}</Tag>
        {ofAll && (
          <span className={classes.soft}>
            of <PersonaLink id={persona} />
          </span>
        )}
        <Score score={score} />
      </div>
      {source !== null && source !== title && <span className={classes.soft}>{source}</span>}
      <Headings headings={headings} />
      {tags.length > 0 && (
        <span className={classes.tags}>
          {tags.map((tag) => (
            <Tag key={tag}>{tag}</Tag>
          ))}
        </span>
      )}
      <TextBlock
        label={page === null ? `Chunk ${position}` : `Chunk ${position}, page ${page}`}
        value={text}
        question={question}
      />
    </li>
  );
}
