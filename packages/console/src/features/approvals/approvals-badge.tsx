import { useQuery } from '@tanstack/react-query';
import { pendingApprovalsQuery } from '../../api/approvals.ts';
import { useTaskFeed } from '../../api/task-feed.ts';
import classes from './approvals-badge.module.css';

const MOST = 99;

/** How many decisions are waited for, live; nothing where none is. Keeps the feed of tasks on while it is there. */
export function ApprovalsBadge() {
  const live = useTaskFeed() === 'live';
  const count = useQuery(pendingApprovalsQuery(live)).data ?? 0;
  if (count === 0) return null;
  return (
    <span className={classes.badge} data-count={count} title={`${count} waiting for a decision`}>
      {count > MOST ? `${MOST}+` : count}
    </span>
  );
}
