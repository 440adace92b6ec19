import { getRouteApi } from '@tanstack/react-router';
import { ApprovalsPage } from '../features/approvals/approvals-page.tsx';

const route = getRouteApi('/admin/agents/approvals');

/** `/admin/agents/approvals?status=` */
export function ApprovalsRoute() {
  const { status = 'pending' } = route.useSearch();
  return <ApprovalsPage key={status} status={status} />;
}
