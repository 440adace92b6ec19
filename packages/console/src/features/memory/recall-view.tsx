import type { RecallMatch } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { DeleteIcon } from '../../ui/icons.ts';
import { Score } from '../../ui/matches.tsx';
import { RowAction } from '../../ui/row-action.tsx';
import { Tag } from '../../ui/tag.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import classes from './memory.module.css';

interface RecallViewProps {
  readonly match: RecallMatch;
  /** From 1. */
  readonly rank: number;
  /** Why the caller may delete none; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onDelete: () => void;
}

/** Something that was remembered or said: its text, how much it says, and the session and the run that it comes from. */
export function RecallView({ match, rank, refusal, onDelete }: RecallViewProps) {
  const { kind, text, score, tags, source, created_at: created } = match;
  const { session_id: session, run_id: run } = source;
  return (
    <li>
      <div className={classes.head}>
        <span>{rank}.</span>
        <Tag>{kind}</Tag>
        {tags.map((tag) => (
          <Tag key={tag} tone="given">
            {tag}
          </Tag>
        ))}
        <span>
          <Ago time={created} />
        </span>
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
        {session === null && run === null && <span>from no session</span>}
        <Score score={score} />
        {kind === 'memory' && (
          <RowAction label={`Delete match ${rank}`} tip="Delete" refusal={refusal} onClick={onDelete}>
            <DeleteIcon size={16} />
          </RowAction>
        )}
      </div>
      <TextBlock label={kind === 'memory' ? 'Memory' : 'Message'} value={text} />
    </li>
  );
}
