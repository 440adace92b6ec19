import type { ReactNode } from 'react';
import classes from './filter-tabs.module.css';

/** Makes a link current only where the whole address is its own: one without a filter would else be so beside any other. */
export const EXACT = { exact: true, includeSearch: true } as const;

interface FilterTabsProps {
  readonly label: string;
  readonly children: ReactNode;
}

/** A row of links of which one is current: a filter that lives in the address. */
export function FilterTabs({ label, children }: FilterTabsProps) {
  return (
    <nav className={classes.tabs} aria-label={label}>
      {children}
    </nav>
  );
}
