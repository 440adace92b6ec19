import { ActionIcon, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

interface RowActionProps {
  /** What it does, and to what: "Delete notes.txt". */
  readonly label: string;
  /** The same in a word, shown when it is pointed at. */
  readonly tip: string;
  readonly loading?: boolean;
  readonly onClick: () => void;
  /** Its icon. */
  readonly children: ReactNode;
}

/** Something that can be done about the row of a table in which it stands. */
export function RowAction({ label, tip, loading = false, onClick, children }: RowActionProps) {
  return (
    <Tooltip label={tip}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="var(--mantine-color-text)"
        aria-label={label}
        loading={loading}
        onClick={onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
