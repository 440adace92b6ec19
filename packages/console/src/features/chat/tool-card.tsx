import { formatDuration, formatInline } from '../../ui/format.ts';
import { RightIcon, ToolIcon } from '../../ui/icons.ts';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import type { ToolItem } from './run-view.ts';
import classes from './tool-card.module.css';

/** A tool call: its name and state in a row, its arguments and result on opening. */
export function ToolCard({ tool }: { readonly tool: ToolItem }) {
  return (
    <details className={classes.card}>
      <summary className={classes.row}>
        <RightIcon size={16} className={classes.chevron} />
        <ToolIcon size={16} className={classes.sign} />
        <code className={classes.name}>{tool.name}</code>
        <span className={classes.preview}>{formatInline(tool.input)}</span>
        <span className={classes.state}>
          {tool.durationMs !== null && <span className={classes.duration}>{formatDuration(tool.durationMs)}</span>}
          <Status status={tool.status} />
        </span>
      </summary>
      <div className={classes.body}>
        <TextBlock label="Arguments" value={tool.input} />
        {tool.status === 'running' ? (
          <p className={classes.waiting}>The tool is working. Its result will show here.</p>
        ) : tool.status === 'unknown' && tool.output === null ? (
          <p className={classes.waiting}>The run ended before a result was recorded.</p>
        ) : (
          <TextBlock label="Result" value={tool.output} />
        )}
      </div>
    </details>
  );
}
