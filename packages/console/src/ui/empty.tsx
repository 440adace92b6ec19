import type { ReactNode } from 'react';
import classes from './empty.module.css';
import { Command } from './command.tsx';

interface EmptyProps {
  /** One sentence: what this place will hold. */
  readonly title: string;
  readonly children?: ReactNode;
  /** The same first step from a terminal. */
  readonly command?: string;
}

/** An empty place: one sentence, one action, and the command that does the same. */
export function Empty({ title, children, command }: EmptyProps) {
  return (
    <div className={classes.empty}>
      <p className={classes.title}>{title}</p>
      {children}
      {command !== undefined && <Command label="Or from a terminal" command={command} />}
    </div>
  );
}
