import { routes, type BodyInputOf, type Tenant } from '@reeve/contract';
import { queryOptions } from '@tanstack/react-query';
import { api } from './connection.ts';

const LOOK_MS = 15_000;

/** Tenants per page of the list. */
export const TENANTS_PER_PAGE = 50;

/** A page of tenants by id; `q` is part of the id or the name. */
export const tenantsQuery = (q: string | undefined, offset: number) =>
  queryOptions({
    queryKey: ['tenants', 'list', q ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listTenants, { query: { limit: TENANTS_PER_PAGE, offset, ...(q && { q }) }, signal }),
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_MS,
  });

/** One tenant with what holds for it. */
export const tenantQuery = (id: string) =>
  queryOptions({
    queryKey: ['tenants', 'one', id],
    queryFn: ({ signal }) => api().call(routes.getTenant, { params: { id }, signal }),
    refetchInterval: LOOK_MS,
  });

export type NewTenant = BodyInputOf<typeof routes.createTenant>;
export type TenantChange = BodyInputOf<typeof routes.updateTenant>;

export const createTenant = (body: NewTenant): Promise<Tenant> => api().call(routes.createTenant, { body });
export const changeTenant = (id: string, body: TenantChange): Promise<Tenant> =>
  api().call(routes.updateTenant, { params: { id }, body });

/** Takes everything that was set for a tenant through the API away. */
export const resetTenant = (id: string) => api().call(routes.deleteTenantOverrides, { params: { id } });
