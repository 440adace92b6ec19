import type { RecallMatch } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { formatDate } from '../../ui/format.ts';
import { DeleteIcon } from '../../ui/icons.ts';
import { Score } from '../../ui/matches.tsx';
import { RowAction } from '../../ui/row-action.tsx';
import { Tag } from '../../ui/tag.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { PersonaLink } from '../knowledge/persona-link.tsx';
import classes from './memory.module.css';

/** Something that was remembered or said, found by a search or listed. */
export interface Recalled extends Omit<RecallMatch, 'score'> {
  /** Undefined where it was not searched for. */
  readonly score?: number;
  readonly expires_at?: string | null;
  readonly persona_id?: string | null;
}

interface RecallViewProps {
  readonly item: Recalled;
  /** Where it stands in its list, from 1. */
  readonly place: number;
  /** Why the caller may delete none; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onDelete: () => void;
}

/** Something that was remembered or said: its text, how much it says, and the session and the run that it comes from. */
export function RecallView({ item, place, refusal, onDelete }: RecallViewProps) {
  const { kind, text, score, tags, created_at: created, expires_at: expires, persona_id: persona } = item;
  return (
    <li>
      <div className={classes.head}>
        <span>{place}.</span>
        <Tag>{kind}</Tag>
        {tags.map((tag) => (
          <Tag key={tag} tone="given">
            {tag}
          </Tag>
        ))}
        <span>
          <Ago time={created} />
        </span>
        {expires != null && <span>until {formatDate(expires)}</span>}
        {persona != null && (
          <span>
            of <PersonaLink id={persona} />
          </span>
        )}
        <Origin source={item.source} />
        <span className={classes.end}>{score !== undefined && <Score score={score} />}</span>
        {kind === 'memory' && (
          <RowAction label={`Delete memory ${place}`} tip="Delete" refusal={refusal} onClick={onDelete}>
            <DeleteIcon size={16} />
          </RowAction>
        )}
      </div>
      <TextBlock label={kind === 'memory' ? 'Memory' : 'Message'} value={text} />
    </li>
  );
}

/** The ways to where something was said. */
function Origin({ source: { session_id: session, run_id: run } }: Pick<Recalled, 'source'>) {
  if (session === null && run === null) return <span>from no session</span>;
  return (
    <>
      {session !== null && (
        <Link to="/chat/{-$sessionId}" params={{ sessionId: session }} search={run === null ? {} : { run }}>
          Session
        </Link>
      )}
      {run !== null && (
        <Link to="/runs/$runId" params={{ runId: run }}>
          Run
        </Link>
      )}
    </>
  );
}
