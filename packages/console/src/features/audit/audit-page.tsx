import { Button } from '@mantine/core';
import { routes } from '@reeve/contract';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { auditQuery, AUDIT_PER_PAGE, newestAuditQuery } from '../../api/audit.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { AdminIcon, DownloadIcon } from '../../ui/icons.ts';
import { Pager } from '../../ui/pager.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { AuditDrawer } from './audit-drawer.tsx';
import { AuditFilters } from './audit-filters.tsx';
import { AuditTable } from './audit-table.tsx';
import classes from './audit.module.css';
import { ExportDialog } from './export-dialog.tsx';
import { VerifyDialog } from './verify-dialog.tsx';
import type { AuditPageProps } from './view.ts';

/** Who did what, newest first; the proof that nothing was changed, and the log as a file. */
export function AuditPage({ search, onSearch }: AuditPageProps) {
  const [open, setOpen] = useState<'verify' | 'export'>();
  const close = (): void => setOpen(undefined);
  return (
    <AdminPage
      title="Audit log"
      lead="Who did what in this tenant, newest first. Each entry is chained to the one before it."
      needs={routes.listAudit}
      actions={
        <>
          <Button variant="default" leftSection={<DownloadIcon size={16} />} onClick={() => setOpen('export')}>
            Export
          </Button>
          <Button leftSection={<AdminIcon size={16} />} onClick={() => setOpen('verify')}>
            Verify
          </Button>
        </>
      }
    >
      <AuditFilters search={search} onSearch={onSearch} />
      <Entries search={search} onSearch={onSearch} />
      {open === 'verify' && <VerifyDialog onClose={close} />}
      {open === 'export' && <ExportDialog filter={search} onClose={close} />}
    </AdminPage>
  );
}

function Entries({ search, onSearch }: AuditPageProps) {
  const { offset = 0, entry, ...filter } = search;
  const query = useQuery(auditQuery(filter, offset));
  const newest = useQuery({ ...newestAuditQuery(filter), enabled: offset === 0 }).data;
  const cache = useQueryClient();
  const entries = query.data?.entries ?? [];
  const isOld = offset === 0 && newest !== undefined && newest !== null && query.isSuccess && newest !== entries[0]?.id;
  const narrowed = Object.values(filter).some((value) => value !== undefined);
  return (
    <>
      {query.isPending && <SkeletonRows rows={8} height={48} label="Loading the log" />}
      {query.isError && (
        <ErrorPanel title="The log could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {isOld && !query.isPlaceholderData && (
        <div className={classes.newer} role="status">
          <Button
            size="xs"
            variant="default"
            loading={query.isFetching}
            onClick={() => void cache.invalidateQueries({ queryKey: ['audit'] })}
          >
            Show newer entries
          </Button>
        </div>
      )}
      {!query.isError && query.data !== undefined && entries.length === 0 && (
        <Empty
          title={
            narrowed
              ? 'No entry matches.'
              : offset > 0
                ? 'There are no older entries.'
                : 'Nothing has been recorded yet.'
          }
        >
          <Link to="/admin/audit" search={{}}>
            Show all entries
          </Link>
        </Empty>
      )}
      {!query.isError && entries.length > 0 && <AuditTable entries={entries} search={search} />}
      {!query.isError && query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={AUDIT_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined, entry: undefined })}
        />
      )}
      <AuditDrawer
        opened={entry !== undefined}
        entry={entries.find(({ id }) => id === entry)}
        pending={query.isPending}
        search={search}
        onClose={() => onSearch({ entry: undefined })}
      />
    </>
  );
}
