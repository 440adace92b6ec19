import { CopyText } from './copy-text.tsx';
import { Markdown } from './markdown.tsx';
import classes from './text-block.module.css';

interface MarkdownBlockProps {
  /** Names the block to a screen reader and above it. */
  readonly label: string;
  readonly text: string;
}

/** A text as the markdown it is, scrolled when long; its button copies the source. Its own headings are below the label. */
export function MarkdownBlock({ label, text }: MarkdownBlockProps) {
  return (
    <div className={classes.block}>
      <div className={classes.bar}>
        <h2>{label}</h2>
        <CopyText text={text} label={`Copy ${label.toLowerCase()}`} />
      </div>
      <div className={classes.markdown} tabIndex={0} aria-label={label} role="group">
        <Markdown text={text} />
      </div>
    </div>
  );
}
