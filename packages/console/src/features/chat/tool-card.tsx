import { attachmentsOf } from '@reeve/contract';
import { useMemo } from 'react';
import { CallApproval } from '../approvals/call-approval.tsx';
import { formatDuration, formatInline } from '../../ui/format.ts';
import { RightIcon, ToolIcon } from '../../ui/icons.ts';
import { Status } from '../../ui/status.tsx';
import { TextBlock } from '../../ui/text-block.tsx';
import { AttachmentList } from '../files/attachment-list.tsx';
import type { ToolItem } from './run-view.ts';
import classes from './tool-card.module.css';

interface ToolCardProps {
  readonly tool: ToolItem;
  readonly runId: string | null;
}

/**
 * A tool call: its name and state in a row, its arguments and result on opening, and below the files that it made and what people
 * are asked about it.
 */
export function ToolCard({ tool, runId }: ToolCardProps) {
  const { approvalId } = tool;
  const files = useMemo(() => attachmentsOf(tool.output), [tool.output]);
  return (
    <div className={classes.card}>
      <details>
        <summary className={classes.row}>
          <RightIcon size={16} className={classes.chevron} />
          <ToolIcon size={16} className={classes.sign} />
          <code className={classes.name}>{tool.name}</code>
          <span className={classes.preview}>{formatInline(tool.input)}</span>
          <span className={classes.state}>
            {tool.durationMs !== null && <span className={classes.duration}>{formatDuration(tool.durationMs)}</span>}
            {tool.status === 'waiting' ? (
              <Status status="waiting" text={approvalId === null ? 'Waits for the caller' : 'Waits for a decision'} />
            ) : (
              <Status status={tool.status} />
            )}
          </span>
        </summary>
        <div className={classes.body}>
          <TextBlock label="Arguments" value={tool.input} />
          {tool.status === 'waiting' ? (
            <p className={classes.waiting}>
              {approvalId === null
                ? 'The program that asked for this run makes this call, and gives its result.'
                : 'A person decides on this call.'}
            </p>
          ) : tool.status === 'running' ? (
            <p className={classes.waiting}>The tool is working. Its result will show here.</p>
          ) : tool.status === 'unknown' && tool.output === null ? (
            <p className={classes.waiting}>The run ended before a result was recorded.</p>
          ) : (
            <TextBlock label="Result" value={tool.output} />
          )}
        </div>
      </details>
      {files.length > 0 && (
        <div className={classes.files}>
          <AttachmentList files={files} side="left" />
        </div>
      )}
      {approvalId !== null && runId !== null && <CallApproval runId={runId} approvalId={approvalId} tool={tool.name} />}
    </div>
  );
}
