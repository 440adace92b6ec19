import type { ReactNode } from 'react';
import classes from './tag.module.css';

interface TagProps {
  /** `set`: somebody chose it here; `given`: it comes from outside; `plain`: nobody said anything. */
  readonly tone?: 'set' | 'given' | 'plain';
  readonly title?: string | undefined;
  readonly children: ReactNode;
}

/** A word about something, in a frame. */
export function Tag({ tone = 'plain', title, children }: TagProps) {
  return (
    <span className={classes.tag} data-tone={tone} title={title}>
      {children}
    </span>
  );
}
