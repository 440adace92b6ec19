import { Button } from '@mantine/core';
import { KeyStatus, routes, type ApiKey } from '@reeve/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { keysQuery } from '../../api/keys.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { EXACT, FilterTabs } from '../../ui/filter-tabs.tsx';
import { PlusIcon } from '../../ui/icons.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status, statusText } from '../../ui/status.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { KeyForm } from './key-form.tsx';
import { KeyTable } from './key-table.tsx';
import classes from './keys.module.css';
import { RevokeDialog } from './revoke-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';
import { SecretDialog, type Shown } from './secret-dialog.tsx';

export interface KeysView {
  readonly status?: KeyStatus | undefined;
  readonly create?: true | undefined;
}

interface KeysPageProps {
  readonly search: KeysView;
  readonly onSearch: (change: KeysView) => void;
}

/** The tenant's API keys: who may call, and as what. */
export function KeysPage({ search, onSearch }: KeysPageProps) {
  return (
    <AdminPage
      title="API keys"
      lead="Who may call this tenant, and as what. Keys of the server’s own configuration are not listed."
      needs={routes.listKeys}
      actions={
        <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
          New key
        </Button>
      }
    >
      <div className={classes.filters}>
        <FilterTabs label="Keys by status">
          <Link to="/admin/keys" search={{}} activeOptions={EXACT}>
            All
          </Link>
          {KeyStatus.options.map((status) => (
            <Link key={status} to="/admin/keys" search={{ status }} activeOptions={EXACT}>
              <Status status={status} />
            </Link>
          ))}
        </FilterTabs>
      </div>
      <Keys status={search.status} create={search.create === true} onSearch={onSearch} />
    </AdminPage>
  );
}

interface KeysProps {
  readonly status: KeyStatus | undefined;
  readonly create: boolean;
  readonly onSearch: (change: KeysView) => void;
}

function Keys({ status, create, onSearch }: KeysProps) {
  const query = useInfiniteQuery(keysQuery(status));
  const [rotating, setRotating] = useState<ApiKey>();
  const [revoking, setRevoking] = useState<ApiKey>();
  // The only place that holds a secret: empty again as soon as its dialog closes.
  const [shown, setShown] = useState<Shown>();
  const keys = query.data?.pages.flatMap((page) => page.keys) ?? [];
  return (
    <>
      {query.isPending && <SkeletonRows rows={4} height={56} label="Loading the keys" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The keys could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && keys.length === 0 && <NoKeys status={status} onSearch={onSearch} />}
      {keys.length > 0 && <KeyTable keys={keys} onRotate={setRotating} onRevoke={setRevoking} />}
      <ShowMore query={query} mt="md" />
      {create && (
        <KeyForm
          onClose={() => onSearch({ create: undefined })}
          onCreated={(apiKey, secret) => {
            setShown({ apiKey, secret, of: 'new' });
            onSearch({ create: undefined });
          }}
        />
      )}
      {rotating !== undefined && (
        <RotateDialog
          apiKey={rotating}
          onClose={() => setRotating(undefined)}
          onRotated={(apiKey, secret) => {
            setShown({ apiKey, secret, of: 'rotated' });
            setRotating(undefined);
          }}
        />
      )}
      {revoking !== undefined && <RevokeDialog apiKey={revoking} onClose={() => setRevoking(undefined)} />}
      {shown !== undefined && <SecretDialog {...shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function NoKeys({ status, onSearch }: Omit<KeysProps, 'create'>) {
  if (status !== undefined)
    return (
      <Empty title={`No key is ${statusText(status).toLowerCase()}.`}>
        <Link to="/admin/keys" search={{}}>
          Show all keys
        </Link>
      </Empty>
    );
  return (
    <Empty
      title="No key has been made yet. Give each program and each person one of their own, so that it can be taken back alone."
      command="reeve keys create ci --role member"
    >
      <Button variant="default" onClick={() => onSearch({ create: true })}>
        Create a key
      </Button>
    </Empty>
  );
}
