import { Suspense } from 'react';
import { lazyPart } from './lazy-part.ts';
import classes from './markdown.module.css';

const MarkdownView = lazyPart(async () => (await import('./markdown-view.tsx')).MarkdownView);

/** A model's markdown; as plain text until what reads it has loaded. */
export function Markdown({ text }: { readonly text: string }) {
  return (
    <Suspense fallback={<div className={classes.plain}>{text}</div>}>
      <MarkdownView text={text} />
    </Suspense>
  );
}
