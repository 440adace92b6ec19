import { memo, type ComponentProps } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { CopyText } from './copy-text.tsx';
import classes from './markdown.module.css';

/** A model's markdown. Images become links, so that no answer can make the reader's browser call out. */
export const MarkdownView = memo(function MarkdownView({ text }: { readonly text: string }) {
  return (
    <div className={classes.markdown}>
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {text}
      </ReactMarkdown>
    </div>
  );
});

const plugins = [remarkGfm];

const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  ),
  img: ({ src, alt }) => (
    <a href={typeof src === 'string' ? src : undefined} target="_blank" rel="noopener noreferrer nofollow">
      {alt || 'image'}
    </a>
  ),
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  h4: ({ children }) => <h5>{children}</h5>,
  input: ({ checked }) => (
    <span aria-label={checked === true ? 'done' : 'open'} role="img">
      {checked === true ? '☑' : '☐'}{' '}
    </span>
  ),
  table: ({ children }) => (
    <div className={classes.table} tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  pre: CodeBlock,
};

function CodeBlock({ node, children }: ComponentProps<'pre'> & { node?: HastNode | undefined }) {
  const code = node === undefined ? '' : textIn(node);
  return (
    <div className={classes.code}>
      <div className={classes.copy}>
        <CopyText text={code.replace(/\n$/, '')} label="Copy code" />
      </div>
      <pre tabIndex={0} role="group" aria-label="Code">
        {children}
      </pre>
    </div>
  );
}

interface HastNode {
  readonly type: string;
  readonly value?: string;
  readonly children?: readonly HastNode[];
}

function textIn(node: HastNode): string {
  return node.value ?? (node.children ?? []).map(textIn).join('');
}
