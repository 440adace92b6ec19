import { Drawer } from '@mantine/core';
import type { AuditRecord } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Empty } from '../../ui/empty.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatCount, formatDate } from '../../ui/format.ts';
import { Identifier } from '../../ui/identifier.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import type { AuditView } from './view.ts';
import { actionWords } from './audit-words.ts';
import classes from './audit.module.css';

interface AuditDrawerProps {
  readonly opened: boolean;
  /** Undefined where the page has no such entry. */
  readonly entry: AuditRecord | undefined;
  readonly pending: boolean;
  readonly search: AuditView;
  readonly onClose: () => void;
}

/** An entry in full: what it tells of, and its place in the chain. */
export function AuditDrawer({ opened, entry, pending, search, onClose }: AuditDrawerProps) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="min(40rem, 100vw)"
      title="Entry"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {entry !== undefined ? (
        <Details entry={entry} search={search} />
      ) : pending ? (
        <SkeletonRows rows={5} height={48} label="Loading the entry" />
      ) : (
        <Empty title="This page of the log does not have that entry." />
      )}
    </Drawer>
  );
}

function Details({ entry, search }: { readonly entry: AuditRecord; readonly search: AuditView }) {
  const { number, action, actor, trace_id: trace, task_id: task, run_id: run, details } = entry;
  const only = (change: AuditView, words: string): ReactNode => (
    <Link to="/admin/audit" search={change} className={classes.only}>
      {words}
    </Link>
  );
  return (
    <article className={classes.entry}>
      <header>
        <h2>{actionWords(action)}</h2>
        <p>
          {formatDate(entry.at)} by {actor}
        </p>
      </header>
      {Object.keys(details).length > 0 && <TextBlock label="Details" value={details} />}
      <Facts
        facts={[
          [
            'Action',
            <span key="a">
              <code>{action}</code> {only({ ...search, entry: undefined, offset: undefined, action }, 'only these')}
            </span>,
          ],
          [
            'By',
            <span key="b">
              {actor} {only({ actor }, 'all it did')}
            </span>,
          ],
          [
            'Run',
            run === null ? null : (
              <Link key="r" to="/runs/$runId" params={{ runId: run }}>
                Open the run
              </Link>
            ),
          ],
          [
            'Task',
            task === null ? null : (
              <Link key="t" to="/admin/agents/tasks" search={{ task }}>
                Open the task
              </Link>
            ),
          ],
          [
            'Trace',
            <span key="c">
              <Identifier id={trace} of="trace id" /> {only({ trace }, 'all of it')}
            </span>,
          ],
          ['Time', entry.at],
          ['Tenant', entry.tenant_id],
          ['Entry', <Identifier key="i" id={entry.id} of="entry id" />],
        ]}
      />
      <section aria-labelledby="chain" className={classes.chain}>
        <h3 id="chain">Place in the chain</h3>
        {number === null ? (
          <p>Not sealed yet: it gets its number within moments.</p>
        ) : (
          <dl>
            <div>
              <dt>Number</dt>
              <dd>{formatCount(number)}</dd>
            </div>
            <Hash name="Hash before" hash={entry.previous_hash} />
            <Hash name="Hash" hash={entry.hash} />
          </dl>
        )}
      </section>
    </article>
  );
}

function Hash({ name, hash }: { readonly name: string; readonly hash: string | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{hash === null ? '–' : <Identifier id={hash} of={name.toLowerCase()} full />}</dd>
    </div>
  );
}
