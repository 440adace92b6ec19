import type { AuditFilter } from '../../api/audit.ts';

/** What the address says: what the log is narrowed down by, and which entry is open. */
export interface AuditView extends AuditFilter {
  readonly offset?: number | undefined;
  readonly entry?: string | undefined;
}

export interface AuditPageProps {
  readonly search: AuditView;
  readonly onSearch: (change: AuditView, replace?: boolean) => void;
}
