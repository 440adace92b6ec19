import { CopyText } from './copy-text.tsx';
import { shortId } from './format.ts';
import classes from './identifier.module.css';

interface IdentifierProps {
  readonly id: string;
  /** What it identifies: "trace id". */
  readonly of: string;
  /** Shows all of it instead of its end. */
  readonly full?: boolean;
}

/** An identifier, its end in view, whole on hover and on copy. */
export function Identifier({ id, of, full = false }: IdentifierProps) {
  return (
    <span className={classes.identifier}>
      <code title={id}>{full ? id : shortId(id)}</code>
      <CopyText text={id} label={`Copy ${of}`} />
    </span>
  );
}
