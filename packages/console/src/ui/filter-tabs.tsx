import type { ReactNode } from 'react';
import classes from './filter-tabs.module.css';

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
