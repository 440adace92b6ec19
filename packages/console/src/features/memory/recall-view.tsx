import type { RecallMatch } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { firstLine } from '../../ui/format.ts';
import { DeleteIcon, EditIcon, MergeIcon } from '../../ui/icons.ts';
import { Score } from '../../ui/matches.tsx';
import { RowAction } from '../../ui/row-action.tsx';
import { Tag } from '../../ui/tag.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { PersonaLink } from '../knowledge/persona-link.tsx';
import { lastingWords } from './lasting-words.ts';
import classes from './memory.module.css';

/** Something that was remembered or said, found by a search or listed. */
export interface Recalled extends Omit<RecallMatch, 'score'> {
  /** Undefined where it was not searched for. */
  readonly score?: number;
  readonly expires_at?: string | null;
  readonly persona_id?: string | null;
}

/** What can be done about a memory. */
export interface MemoryActions {
  /** Why the caller may do none of it; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onEdit: (memory: Recalled) => void;
  readonly onMerge: (memory: Recalled) => void;
  readonly onDelete: (memory: Recalled) => void;
}

interface RecallViewProps {
  readonly item: Recalled;
  /** What was looked for; undefined where it is only listed. */
  readonly question?: string;
  /** Where it stands in its list, from 1. */
  readonly place: number;
  readonly actions: MemoryActions;
}

/** Something that was remembered or said: its text, how much it says, and the session and the run that it comes from. */
export function RecallView({ item, question, place, actions }: RecallViewProps) {
  const {
    kind,
    text,
    score,
    tags,
    created_at: created,
    expires_at: expires,
    persona_id: persona,
    superseded_by: newer,
  } = item;
  return (
    <li>
      <div className={classes.head}>
        <span>{place}.</span>
        {tags.map((tag) => (
          <Tag key={tag} tone="given">
            {tag}
          </Tag>
        ))}
        <span>
          <Ago time={created} />
        </span>
        {newer !== null && (
          <Tag tone="set" title="Agents are told the newer one alone">
            a newer one came in its place
          </Tag>
        )}
        {expires != null && <span>{lastingWords(expires)}</span>}
        {persona != null && (
          <span>
            of <PersonaLink id={persona} />
          </span>
        )}
        <Origin source={item.source} />
        <span className={classes.end}>
          {score !== undefined && <Score score={score} />}
          {kind === 'memory' && <Actions item={item} actions={actions} />}
        </span>
      </div>
      <TextBlock label={kind === 'memory' ? 'Memory' : 'Message'} value={text} question={question} />
    </li>
  );
}

function Actions({ item, actions }: Pick<RecallViewProps, 'item' | 'actions'>) {
  const { refusal, onEdit, onMerge, onDelete } = actions;
  const name = `“${firstLine(item.text, 40)}”`;
  return (
    <span>
      <RowAction label={`Edit ${name}`} tip="Edit" refusal={refusal} onClick={() => onEdit(item)}>
        <EditIcon size={16} />
      </RowAction>
      <RowAction
        label={`Merge ${name} with another`}
        tip="Merge with another"
        refusal={refusal}
        onClick={() => onMerge(item)}
      >
        <MergeIcon size={16} />
      </RowAction>
      <RowAction label={`Delete ${name}`} tip="Delete" refusal={refusal} onClick={() => onDelete(item)}>
        <DeleteIcon size={16} />
      </RowAction>
    </span>
  );
}

/** The ways to where something was said. */
export function Origin({ source: { session_id: session, run_id: run } }: Pick<Recalled, 'source'>) {
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
