import classes from './command.module.css';
import { CopyText } from './copy-text.tsx';

interface CommandProps {
  readonly label: string;
  readonly command: string;
}

/** A command line to copy. */
export function Command({ label, command }: CommandProps) {
  return (
    <div className={classes.command}>
      <span className={classes.label}>{label}</span>
      <div className={classes.line}>
        <code>{command}</code>
        <CopyText text={command} label="Copy command" />
      </div>
    </div>
  );
}
