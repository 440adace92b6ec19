import type { ComponentType } from 'react';
import { BadIcon, BusyIcon, CancelledIcon, OkIcon, QueuedIcon, UnknownIcon, WaitingIcon, WarnIcon } from './icons.ts';
import classes from './status.module.css';

interface Look {
  readonly icon: ComponentType<{ size?: number | string; className?: string | undefined }>;
  readonly tone: 'ok' | 'warn' | 'bad' | 'run' | 'idle';
  readonly text: string;
  readonly turns?: boolean;
}

/** Every status the API uses, of tasks, runs, steps, tools, keys and components, with its words and sign. */
const LOOKS = {
  pending: { icon: QueuedIcon, tone: 'idle', text: 'Pending' },
  queued: { icon: QueuedIcon, tone: 'idle', text: 'Queued' },
  waiting: { icon: WaitingIcon, tone: 'warn', text: 'Waiting' },
  in_progress: { icon: BusyIcon, tone: 'run', text: 'In progress', turns: true },
  running: { icon: BusyIcon, tone: 'run', text: 'Running', turns: true },
  completed: { icon: OkIcon, tone: 'ok', text: 'Completed' },
  success: { icon: OkIcon, tone: 'ok', text: 'Done' },
  failed: { icon: BadIcon, tone: 'bad', text: 'Failed' },
  error: { icon: BadIcon, tone: 'bad', text: 'Error' },
  timeout: { icon: WaitingIcon, tone: 'bad', text: 'Timed out' },
  denied: { icon: CancelledIcon, tone: 'warn', text: 'Denied' },
  circuit_open: { icon: WarnIcon, tone: 'warn', text: 'Circuit open' },
  cancelled: { icon: CancelledIcon, tone: 'idle', text: 'Cancelled' },
  approved: { icon: OkIcon, tone: 'ok', text: 'Approved' },
  rejected: { icon: BadIcon, tone: 'bad', text: 'Rejected' },
  unknown: { icon: UnknownIcon, tone: 'warn', text: 'Outcome unknown' },
  active: { icon: OkIcon, tone: 'ok', text: 'Active' },
  expired: { icon: WaitingIcon, tone: 'warn', text: 'Expired' },
  revoked: { icon: CancelledIcon, tone: 'idle', text: 'Revoked' },
  ok: { icon: OkIcon, tone: 'ok', text: 'OK' },
  degraded: { icon: WarnIcon, tone: 'warn', text: 'Degraded' },
  unavailable: { icon: BadIcon, tone: 'bad', text: 'Unavailable' },
} as const satisfies Record<string, Look>;

export type StatusName = keyof typeof LOOKS;

interface StatusProps {
  readonly status: StatusName;
  /** Replaces the status's own words. */
  readonly text?: string;
  /** Set where the status itself is a cell of a table that is not made of table elements. */
  readonly role?: 'cell';
}

/** A status as sign and words; its color only repeats them. */
export function Status({ status, text, role }: StatusProps) {
  const look: Look = LOOKS[status];
  const Icon = look.icon;
  return (
    <span className={classes.status} role={role} data-tone={look.tone} data-status={status}>
      <Icon size={16} className={look.turns === true ? classes.turns : undefined} />
      <span>{text ?? look.text}</span>
    </span>
  );
}

/** Narrows a status that the contract types as a plain string; `unknown` for one this console does not know. */
export function statusName(status: string): StatusName {
  return status in LOOKS ? (status as StatusName) : 'unknown';
}

/** The words of a status, for places that take text only. */
export function statusText(status: StatusName): string {
  return LOOKS[status].text;
}
