import { ClientError } from '@reeve/client';
import { ROLES, routes, type Access, type Role } from '@reeve/contract';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, heldKey, keepHolder, keptHolder } from './connection.ts';
import { holderNameOf } from './holder.ts';

/** Who this tab acts as. */
export interface Identity {
  /** Undefined where the server did not tell: then it decides over each call by itself. */
  readonly role: Role | undefined;
  readonly tenant: string | undefined;
  /** The holder of the key or the token; undefined where none is held. */
  readonly name: string | undefined;
}

/** What is known where nothing could be found out: then everything is offered. */
export const UNKNOWN: Identity = { role: undefined, tenant: undefined, name: undefined };

/** Who this tab acts as, found out once for each key. */
export const identityQuery = queryOptions({
  queryKey: ['identity'],
  queryFn: ({ signal }) => readIdentity(signal),
  staleTime: Infinity,
  gcTime: Infinity,
});

/** Whether the caller may do what needs such access; true where nobody knows, since the server has the last word. */
export function may(identity: Identity | undefined, access: Access): boolean {
  return identity?.role === undefined || access === 'public' || ROLES.indexOf(identity.role) >= ROLES.indexOf(access);
}

/** Whether what a route does is to be offered to the caller. */
export function useMay(route: { readonly access: Access }): boolean {
  return may(useQuery(identityQuery).data, route.access);
}

/** Why the caller may not do what needs such access; undefined where they may. */
export function useRefusal(access: Access): string | undefined {
  const identity = useQuery(identityQuery).data;
  return may(identity, access) ? undefined : `This takes the role ${access}; you have ${identity?.role}.`;
}

/**
 * No route tells it: every tenant has an agent that names it, and who may not list tenants is told their own role. That is written down as a
 * denied call, so it is asked once for each key.
 */
async function readIdentity(signal: AbortSignal): Promise<Identity> {
  const kept = keptHolder();
  if (kept !== undefined) return JSON.parse(kept) as Identity;
  const key = heldKey();
  const [{ configs }, role] = await Promise.all([
    api().call(routes.listAgents, { query: { limit: 1 }, signal }),
    readRole(signal),
  ]);
  const identity = { role, tenant: configs[0]?.tenant_id, name: key === undefined ? undefined : holderNameOf(key) };
  if (key === heldKey()) keepHolder(JSON.stringify(identity));
  return identity;
}

async function readRole(signal: AbortSignal): Promise<Role | undefined> {
  try {
    await api().call(routes.listTenants, { query: { limit: 1 }, signal });
    return 'admin';
  } catch (error) {
    if (error instanceof ClientError && error.code === 'forbidden') return error.access?.role;
    throw error;
  }
}
