import { Button } from '@mantine/core';
import { routes, type Tenant } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { tenantQuery } from '../../api/tenants.ts';
import { Ago } from '../../ui/ago.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatDate } from '../../ui/format.ts';
import { EditIcon, ResetIcon } from '../../ui/icons.ts';
import { OriginTag } from '../../ui/origin-tag.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { AdminPage } from '../admin/admin-page.tsx';
import { GroupForm } from './group-form.tsx';
import { countOverrides, originAt, POLICY_GROUPS, valueAt, type PolicyGroup } from './policy-groups.ts';
import { PolicyValueView } from './policy-value.tsx';
import { RenameDialog, ResetDialog } from './tenant-dialogs.tsx';
import classes from './tenants.module.css';

/** One tenant: every value that holds, where it comes from, and the ways to change it. */
export function TenantPage({ tenantId }: { readonly tenantId: string }) {
  const [open, setOpen] = useState<'rename' | 'reset'>();
  return (
    <AdminPage
      title={tenantId}
      documentTitle={`Tenant ${tenantId}`}
      lead="What holds for this tenant, and where it comes from. What is set here goes before the tenants file."
      needs={routes.getTenant}
      actions={
        <>
          <Button variant="default" leftSection={<EditIcon size={16} />} onClick={() => setOpen('rename')}>
            Rename
          </Button>
          <Button variant="default" leftSection={<ResetIcon size={16} />} onClick={() => setOpen('reset')}>
            Reset all
          </Button>
        </>
      }
    >
      <Loading tenantId={tenantId} open={open} onClose={() => setOpen(undefined)} />
    </AdminPage>
  );
}

interface LoadingProps {
  readonly tenantId: string;
  readonly open: 'rename' | 'reset' | undefined;
  readonly onClose: () => void;
}

function Loading({ tenantId, open, onClose }: LoadingProps) {
  const query = useQuery(tenantQuery(tenantId));
  if (query.data === undefined)
    return query.isError ? (
      <ErrorPanel title="The tenant could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={6} height={72} label="Loading the tenant" />
    );
  return (
    <>
      {query.isError && <ErrorPanel title="What you see may be old" error={query.error} />}
      <TenantView tenant={query.data} />
      {open === 'rename' && <RenameDialog tenant={query.data} onClose={onClose} />}
      {open === 'reset' && <ResetDialog tenant={query.data} onClose={onClose} />}
    </>
  );
}

function TenantView({ tenant }: { readonly tenant: Tenant }) {
  const [editing, setEditing] = useState<PolicyGroup>();
  const set = countOverrides(tenant);
  return (
    <div className={classes.sections}>
      <Facts
        facts={[
          ['Name', tenant.name],
          ['Tenants file', tenant.in_file ? 'has a section of its name' : 'does not name it'],
          ['Set here', set === 0 ? 'nothing' : set === 1 ? '1 value' : `${set} values`],
          [
            'Last changed',
            tenant.updated_at === null ? null : (
              <>
                <Ago time={tenant.updated_at} /> by {tenant.updated_by}
              </>
            ),
          ],
          ['Created', formatDate(tenant.created_at)],
        ]}
      />
      {POLICY_GROUPS.map((group) => (
        <Group key={group.id} group={group} tenant={tenant} onEdit={() => setEditing(group)} />
      ))}
      {editing !== undefined && <GroupForm group={editing} tenant={tenant} onClose={() => setEditing(undefined)} />}
    </div>
  );
}

interface GroupProps {
  readonly group: PolicyGroup;
  readonly tenant: Tenant;
  readonly onEdit: () => void;
}

function Group({ group, tenant, onEdit }: GroupProps) {
  return (
    <section aria-labelledby={group.id} className={classes.group}>
      <div className={classes.head}>
        <h2 id={group.id}>{group.title}</h2>
        <Button
          size="xs"
          variant="default"
          leftSection={<EditIcon size={14} />}
          aria-label={`Change ${group.title}`}
          onClick={onEdit}
        >
          Change
        </Button>
      </div>
      <p className={classes.lead}>{group.lead}</p>
      <dl className={classes.values}>
        {group
          .fieldsOf(tenant)
          .filter(({ path }) => path.endsWith('.default') || valueAt(tenant.policy, path) !== undefined)
          .map((field) => (
            <div key={field.path} data-path={field.path}>
              <dt>{field.label}</dt>
              <dd>
                <PolicyValueView
                  field={field}
                  value={valueAt(tenant.policy, field.path)}
                  whenEmpty={field.path.endsWith('.allow') ? 'everything that is not denied' : 'nothing'}
                />
              </dd>
              <dd>
                <OriginTag origin={originAt(tenant, field.path)} />
              </dd>
            </div>
          ))}
      </dl>
    </section>
  );
}
