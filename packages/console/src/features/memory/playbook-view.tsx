import type { Playbook } from '@reeve/contract';
import { Ago } from '../../ui/ago.tsx';
import { firstLine, formatCount } from '../../ui/format.ts';
import { DeleteIcon } from '../../ui/icons.ts';
import { RowAction } from '../../ui/row-action.tsx';
import { Status } from '../../ui/status.tsx';
import { PersonaLink } from '../knowledge/persona-link.tsx';
import classes from './memory.module.css';
import { recordOf } from './playbook-record.ts';
import { Origin } from './recall-view.tsx';

interface PlaybookViewProps {
  readonly playbook: Playbook;
  /** Why the caller may not delete it; undefined where they may. */
  readonly refusal: string | undefined;
  readonly onDelete: () => void;
}

/** A goal, the calls that reached it, how often they did, and the run that they did so in last. */
export function PlaybookView({ playbook, refusal, onDelete }: PlaybookViewProps) {
  const { goal, steps, persona_id: persona, run_id, session_id, last_success_at: last } = playbook;
  return (
    <li>
      <p className={classes.goal}>{goal}</p>
      <div className={classes.head}>
        <Status {...recordOf(playbook)} />
        <span>
          last <Ago time={last} />
        </span>
        {persona !== null && (
          <span>
            of <PersonaLink id={persona} />
          </span>
        )}
        <Origin source={{ session_id, run_id }} />
        <span className={classes.end}>
          <RowAction label={`Delete “${firstLine(goal, 40)}”`} tip="Delete" refusal={refusal} onClick={onDelete}>
            <DeleteIcon size={16} />
          </RowAction>
        </span>
      </div>
      <details className={classes.steps}>
        <summary>
          {steps.length === 1 ? '1 call' : `${formatCount(steps.length)} calls`}:{' '}
          {steps.map(({ tool }) => tool).join(', ')}
        </summary>
        <ol>
          {steps.map(({ tool, args }, index) => (
            <li key={index}>
              <code>{tool}</code>
              <dl>
                {Object.entries(args).map(([name, value]) => (
                  <Argument key={name} name={name} value={value} />
                ))}
              </dl>
            </li>
          ))}
        </ol>
      </details>
    </li>
  );
}

function Argument({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
