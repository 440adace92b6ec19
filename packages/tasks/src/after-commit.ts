/** What is to be done once a transaction of the queue has committed. Gathered in it, lost with it; `carryOut` does it. */
export interface AfterCommit {
  /** Something can be claimed now. */
  claimable: boolean;
  /** A task waits for a time now. */
  timed: boolean;
  /** A task ended whose end concerns others. */
  followers: boolean;
  /** Tenants whose journal has new entries. */
  readonly journals: Set<string>;
  /** Tasks in progress that are to stop. */
  readonly cancels: Set<string>;
  readonly calls: (() => void)[];
}

export function createAfterCommit(): AfterCommit {
  return { claimable: false, timed: false, followers: false, journals: new Set(), cancels: new Set(), calls: [] };
}
