import type { Access } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { identityQuery, may, UNKNOWN, type Identity } from '../../api/identity.ts';
import { Empty } from '../../ui/empty.tsx';
import { AuditIcon, KeyIcon, KnowledgeIcon, MemoryIcon, SettingsIcon, TenantsIcon, ToolIcon } from '../../ui/icons.ts';
import { Page, type PageProps } from '../../ui/page.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import classes from './admin-page.module.css';
import { adminPlacesOf, type AdminPlace } from './places.ts';

const ICONS = {
  Keys: KeyIcon,
  Tenants: TenantsIcon,
  Audit: AuditIcon,
  Tools: ToolIcon,
  Knowledge: KnowledgeIcon,
  Memory: MemoryIcon,
  Settings: SettingsIcon,
} as const satisfies Record<AdminPlace['name'], unknown>;

interface AdminPageProps extends PageProps {
  /** The route that the page is made of. */
  readonly needs: { readonly access: Access };
}

/** A page of administration, with the way to its neighbors. For who may not use it, it says so and asks the server nothing. */
export function AdminPage({ needs, actions, children, ...page }: AdminPageProps) {
  const { data, isPending, isError } = useQuery(identityQuery);
  const identity = isError ? UNKNOWN : data;
  const allowed = !isPending && may(identity, needs.access);
  const strip = useRef<HTMLElement>(null);
  // On a phone the strip is wider than the window.
  useEffect(() => {
    const here = strip.current?.querySelector<HTMLElement>('[data-status="active"]');
    if (strip.current !== null && here != null)
      strip.current.scrollLeft = here.offsetLeft - (strip.current.clientWidth - here.offsetWidth) / 2;
  }, [identity]);
  const offered = allowed && actions !== undefined ? { actions } : {};
  return (
    <>
      <nav className={classes.strip} aria-label="Administration" ref={strip}>
        <div>
          {adminPlacesOf(identity).map(({ to, name }) => {
            const Icon = ICONS[name];
            return (
              <Link key={to} to={to} activeOptions={{ exact: false, includeSearch: false }}>
                <Icon size={16} /> {name}
              </Link>
            );
          })}
        </div>
      </nav>
      <Page {...page} {...offered}>
        {isPending && <SkeletonRows rows={5} height={48} label="Finding out what you may do" />}
        {allowed && children}
        {!isPending && !allowed && <NotForYou identity={identity} needs={needs.access} />}
      </Page>
    </>
  );
}

function NotForYou({ identity, needs }: { readonly identity: Identity | undefined; readonly needs: Access }) {
  return (
    <Empty
      title={`This page needs the role ${needs}; you have ${identity?.role}. An administrator can make you a key that may.`}
    >
      <Link to="/sign-in" search={{ from: location.pathname }}>
        Sign in with another key
      </Link>
    </Empty>
  );
}
