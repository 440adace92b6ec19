import { useQuery } from '@tanstack/react-query';
import { workspaceUsageQuery } from '../../api/files.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { BadIcon, WarnIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './files.module.css';

/** From where on a workspace counts as nearly full, as a share of its quota. */
const NEAR = 0.8;

/** What a session's files take of what they may, on the disk and in number. */
export function WorkspaceBar({ sessionId }: { readonly sessionId: string }) {
  const { data, isPending, isError, error, refetch } = useQuery(workspaceUsageQuery(sessionId));
  if (isPending) return <SkeletonRows rows={1} height={34} label="Loading what the files take" />;
  if (data === undefined)
    return isError ? (
      <ErrorPanel title="What the files take could not be loaded" error={error} onRetry={() => void refetch()} />
    ) : null;
  const { bytes, quota_bytes: quota, files, quota_files: most } = data;
  const share = Math.max(bytes / quota, files / most);
  const words = `${formatBytes(bytes)} of ${formatBytes(quota)} used`;
  const reached = share >= 1 ? 'all' : share >= NEAR ? 'near' : undefined;
  return (
    <div className={classes.usage} data-reached={reached}>
      <div
        className={classes.bar}
        role="meter"
        aria-label="Space of the session"
        aria-valuemin={0}
        aria-valuemax={quota}
        aria-valuenow={Math.min(bytes, quota)}
        aria-valuetext={words}
      >
        <span style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
      <span>{words}</span>
      <span className={classes.soft}>
        {reached === 'near' && (
          <>
            <WarnIcon size={13} /> nearly full,{' '}
          </>
        )}
        {reached === 'all' && (
          <>
            <BadIcon size={13} /> full,{' '}
          </>
        )}
        {files === 1 ? '1 file or directory' : `${formatCount(files)} files and directories`}
      </span>
    </div>
  );
}
