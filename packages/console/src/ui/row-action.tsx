import { ActionIcon, Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

interface RowActionProps {
  /** What it does, and to what: "Delete notes.txt". */
  readonly label: string;
  /** The same in a word, shown when it is pointed at. */
  readonly tip: string;
  readonly loading?: boolean;
  /** Why it cannot be done; it is shown then instead of the word. */
  readonly refusal?: string | undefined;
  readonly onClick: () => void;
  /** Its icon. */
  readonly children: ReactNode;
}

/** Something that can be done about the row of a table in which it stands. */
export function RowAction({ label, tip, loading = false, refusal, onClick, children }: RowActionProps) {
  const refused = refusal !== undefined;
  return (
    <Tooltip label={refusal ?? tip} multiline={refused} {...(refused && { maw: 280, events: EVENTS })}>
      <ActionIcon
        variant="subtle"
        color="gray"
        c="var(--mantine-color-text)"
        aria-label={label}
        loading={loading}
        data-disabled={refused}
        aria-disabled={refused || undefined}
        {...(!refused && { onClick })}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}

const EVENTS = { hover: true, focus: true, touch: true };
