import { routes } from '@reeve/contract';
import { may, type Identity } from '../../api/identity.ts';

/** The pages of administration, and what each is made of: who may not call that has no use for the page. */
const PLACES = [
  { to: '/admin/keys', name: 'Keys', needs: routes.listKeys },
  { to: '/admin/tenants', name: 'Tenants', needs: routes.listTenants },
  { to: '/admin/audit', name: 'Audit', needs: routes.listAudit },
  { to: '/admin/tools', name: 'Tools', needs: routes.listTools },
  { to: '/admin/knowledge', name: 'Knowledge', needs: routes.listPersonas },
  { to: '/admin/memory', name: 'Memory', needs: routes.recall },
  { to: '/admin/settings', name: 'Settings', needs: routes.getSettings },
] as const;

export type AdminPlace = (typeof PLACES)[number];

/** Those that are of use to somebody, in order; none while nobody knows who that is. */
export function adminPlacesOf(identity: Identity | undefined): readonly AdminPlace[] {
  return identity === undefined ? [] : PLACES.filter(({ needs }) => may(identity, needs.access));
}

/** Whether an address is one of administration. */
export function isAdminPlace(pathname: string): boolean {
  return PLACES.some(({ to }) => pathname === to || pathname.startsWith(`${to}/`));
}
