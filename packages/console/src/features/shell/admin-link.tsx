import { useQuery } from '@tanstack/react-query';
import { Link, useLocation } from '@tanstack/react-router';
import { identityQuery, UNKNOWN } from '../../api/identity.ts';
import { AdminIcon } from '../../ui/icons.ts';
import { adminPlacesOf, isAdminPlace } from '../admin/places.ts';

interface AdminLinkProps {
  /** Looks like the links beside it. Given, since its own import of their styles would move these before the library's. */
  readonly className: string | undefined;
  readonly labelClassName: string | undefined;
}

/** The way to the pages of administration, for those who have a use for one. */
export function AdminLink({ className, labelClassName }: AdminLinkProps) {
  const identity = useQuery(identityQuery);
  const { pathname } = useLocation();
  const [first] = adminPlacesOf(identity.isError ? UNKNOWN : identity.data);
  if (first === undefined) return null;
  return (
    <Link
      to={first.to}
      className={className}
      data-status={isAdminPlace(pathname) ? 'active' : undefined}
      activeProps={{}}
    >
      <AdminIcon size={18} />
      <span className={labelClassName}>Administration</span>
    </Link>
  );
}
