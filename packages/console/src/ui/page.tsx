import type { ReactNode } from 'react';
import classes from './page.module.css';

export interface PageProps {
  readonly title: string;
  /** The document's title where it should differ. */
  readonly documentTitle?: string;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  /** Takes the whole window: its last part scrolls by itself. */
  readonly fill?: boolean;
  readonly children: ReactNode;
}

/** A page with its heading, its actions and the document's title. */
export function Page({ title, documentTitle = title, lead, actions, fill = false, children }: PageProps) {
  return (
    <div className={fill ? `${classes.page} ${classes.fill}` : classes.page}>
      <title>{`${documentTitle} · Reeve`}</title>
      <header className={classes.head}>
        <div className={classes.heading}>
          <h1>{title}</h1>
          {lead !== undefined && <div className={classes.lead}>{lead}</div>}
        </div>
        {actions !== undefined && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}
