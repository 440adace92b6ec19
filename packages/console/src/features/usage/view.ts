import type { GroupBy } from '../../api/usage.ts';
import type { Measure } from './measure.ts';

/** What the address says: the days, how they are summed up and drawn, whose limits are told, and which calls are listed. */
export interface UsageView {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly by?: GroupBy | undefined;
  readonly draw?: Measure | undefined;
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  readonly outcome?: string | undefined;
  readonly run?: string | undefined;
  readonly offset?: number | undefined;
  readonly who?: string | undefined;
  readonly persona?: string | undefined;
  readonly tree?: string | undefined;
}

export interface UsagePageProps {
  readonly search: UsageView;
  /** Changes what the address says; `replace` leaves no way back to what it said before. */
  readonly onSearch: (change: UsageView, replace?: boolean) => void;
}
