import { useState } from 'react';
import { CopyText } from './copy-text.tsx';
import { formatValue } from './format.ts';
import { jsonTokens } from './json-tokens.ts';
import { partsOf, sharedWords } from './shared-words.ts';
import classes from './text-block.module.css';

const FOLD_LINES = 14;
const FOLD_CHARACTERS = 2_000;
const COLOR_CHARACTERS = 40_000;

interface TextBlockProps {
  /** Names the block to a screen reader and above it. */
  readonly label: string;
  readonly value: unknown;
  /** What was looked for: its words are marked in a text. */
  readonly question?: string | undefined;
}

/** A value in full: JSON colored, text as it is, folded when long, with a copy button. */
export function TextBlock({ label, value, question }: TextBlockProps) {
  const [open, setOpen] = useState(false);
  const text = formatValue(value);
  const lines = text.split('\n').length;
  const long = lines > FOLD_LINES || text.length > FOLD_CHARACTERS;
  const shown = long && !open ? text.split('\n').slice(0, FOLD_LINES).join('\n').slice(0, FOLD_CHARACTERS) : text;
  const colored = typeof value !== 'string' && shown.length <= COLOR_CHARACTERS;
  return (
    <div className={classes.block}>
      <div className={classes.bar}>
        <span>{label}</span>
        <CopyText text={text} label={`Copy ${label.toLowerCase()}`} />
      </div>
      <pre className={classes.text} tabIndex={0} aria-label={label} role="group">
        {colored
          ? jsonTokens(shown).map((token, index) => (
              <span key={index} className={classes[token.kind]}>
                {token.text}
              </span>
            ))
          : question !== undefined
            ? partsOf(shown, sharedWords(question, shown)).map((part, index) =>
                part.isMarked ? (
                  <mark key={index} className={classes.mark}>
                    {part.text}
                  </mark>
                ) : (
                  part.text
                ),
              )
            : shown}
        {shown === '' && <span className={classes.nothing}>empty</span>}
      </pre>
      {long && (
        <button type="button" className={classes.more} onClick={() => setOpen(!open)} aria-expanded={open}>
          {open
            ? 'Show less'
            : `Show all ${lines > FOLD_LINES ? `${lines.toLocaleString('en-US')} lines` : `${text.length.toLocaleString('en-US')} characters`}`}
        </button>
      )}
    </div>
  );
}
