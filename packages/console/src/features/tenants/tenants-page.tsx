import { Button } from '@mantine/core';
import { routes, type Tenant } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { identityQuery } from '../../api/identity.ts';
import { tenantsQuery, TENANTS_PER_PAGE } from '../../api/tenants.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCount } from '../../ui/format.ts';
import { PlusIcon } from '../../ui/icons.ts';
import { OriginTag } from '../../ui/origin-tag.tsx';
import { Pager } from '../../ui/pager.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import table from '../../ui/table.module.css';
import { Tag } from '../../ui/tag.tsx';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { AdminPage } from '../admin/admin-page.tsx';
import { countOverrides, originAt, valueAt, type PolicyField } from './policy-groups.ts';
import { PolicyValueView } from './policy-value.tsx';
import { TenantForm } from './tenant-form.tsx';
import classes from './tenants.module.css';

export interface TenantsView {
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  readonly create?: true | undefined;
}

interface TenantsPageProps {
  readonly search: TenantsView;
  readonly onSearch: (change: TenantsView, replace?: boolean) => void;
  readonly onCreated: (tenantId: string) => void;
}

/** Admins of this tenant operate the installation; those of others see their own tenant alone. */
const OPERATING_TENANT = 'default';

/** Tenants by id, with what holds for each. */
export function TenantsPage({ search, onSearch, onCreated }: TenantsPageProps) {
  const identity = useQuery(identityQuery).data;
  const operates = identity?.tenant === undefined || identity.tenant === OPERATING_TENANT;
  return (
    <AdminPage
      title="Tenants"
      lead={operates ? 'Who shares this server, and what holds for each.' : 'Your tenant, and what holds for it.'}
      needs={routes.listTenants}
      actions={
        operates ? (
          <Button leftSection={<PlusIcon size={16} />} onClick={() => onSearch({ create: true })}>
            New tenant
          </Button>
        ) : undefined
      }
    >
      <Tenants search={search} onSearch={onSearch} />
      {operates && search.create === true && (
        <TenantForm onClose={() => onSearch({ create: undefined }, true)} onCreated={onCreated} />
      )}
    </AdminPage>
  );
}

/** What the list shows of a policy. */
const COLUMNS: readonly PolicyField[] = [
  { path: 'budgets.default', kind: 'tokens', label: 'Tokens a month' },
  { path: 'budgets_usd.default', kind: 'usd', label: 'Dollars a month' },
  { path: 'rate_limits.requests_per_minute', kind: 'count', label: 'Requests a minute' },
  { path: 'rate_limits.concurrent_runs', kind: 'count', label: 'Runs at once' },
];

function Tenants({ search: { q, offset = 0 }, onSearch }: Pick<TenantsPageProps, 'search' | 'onSearch'>) {
  const query = useQuery(tenantsQuery(q, offset));
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <>
      <SearchField
        className={classes.search}
        label="Search tenants"
        placeholder="Search by id or name"
        value={q}
        onSearch={(text) => onSearch({ q: text, offset: undefined }, true)}
      />
      {query.isPending && <SkeletonRows rows={4} height={56} label="Loading the tenants" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The tenants could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data?.tenants.length === 0 && (
        <Empty title={q === undefined ? 'There are no more tenants.' : `No tenant has “${q}” in its id or name.`}>
          <Link to="/admin/tenants" search={{}}>
            Show all tenants
          </Link>
        </Empty>
      )}
      {query.data !== undefined && query.data.tenants.length > 0 && (
        <div className={table.frame} ref={rows}>
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Tenant</th>
                {COLUMNS.map(({ path, label }) => (
                  <th key={path} scope="col" className={table.wide}>
                    {label}
                  </th>
                ))}
                <th scope="col">Set here</th>
              </tr>
            </thead>
            <tbody>
              {query.data.tenants.map((tenant) => (
                <Row key={tenant.id} tenant={tenant} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {query.data !== undefined && (
        <Pager
          total={query.data.total}
          limit={TENANTS_PER_PAGE}
          offset={offset}
          onOffset={(next) => onSearch({ offset: next || undefined })}
        />
      )}
    </>
  );
}

function Row({ tenant }: { readonly tenant: Tenant }) {
  const { id, name, policy, in_file: inFile } = tenant;
  const set = countOverrides(tenant);
  return (
    <tr>
      <td className={table.main}>
        <Link to="/admin/tenants/$tenantId" params={{ tenantId: id }} className={table.link} data-row>
          {name}
        </Link>
        <span className={table.sub}>
          {name !== id && `${id} · `}
          {inFile ? 'has a section in the tenants file' : 'not in the tenants file'}
        </span>
        {COLUMNS.map((field) => (
          <span key={field.path} className={`${table.sub} ${table.narrowOnly}`}>
            {field.label}: <PolicyValueView field={field} value={valueAt(policy, field.path)} />
          </span>
        ))}
      </td>
      {COLUMNS.map((field) => (
        <td key={field.path} className={`${classes.cell} ${table.wide}`}>
          <PolicyValueView field={field} value={valueAt(policy, field.path)} />
          <OriginTag origin={originAt(tenant, field.path)} />
        </td>
      ))}
      <td className={classes.cell}>
        {set === 0 ? (
          <span className={`${classes.soft} ${table.wide}`}>nothing</span>
        ) : (
          <Tag tone="set" title="Values that were set here or through the API">
            {set === 1 ? '1 value' : `${formatCount(set)} values`}
          </Tag>
        )}
      </td>
    </tr>
  );
}
