import type { JournalEntry } from '@reeve/contract';
import { Ago } from '../../ui/ago.tsx';
import classes from './task-details.module.css';

const TONES: Partial<Record<JournalEntry['type'], 'ok' | 'bad' | 'run'>> = {
  task_started: 'run',
  task_completed: 'ok',
  approval_approved: 'ok',
  task_failed: 'bad',
  approval_rejected: 'bad',
};

/** What happened to a task, oldest first. */
export function TaskJournal({ entries }: { readonly entries: readonly JournalEntry[] }) {
  return (
    <section aria-labelledby="task-journal">
      <h3 id="task-journal" className={classes.heading}>
        Journal
      </h3>
      {entries.length === 0 && <p className={classes.none}>Nothing has been recorded yet.</p>}
      <ol className={classes.journal}>
        {entries.map((entry) => (
          <li key={entry.id} data-tone={TONES[entry.type]}>
            {entry.summary}
            <span>
              <Ago time={entry.created_at} /> · {entry.actor}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
