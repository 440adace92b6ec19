import { ActionIcon } from '@mantine/core';
import type { ReactNode } from 'react';

interface SmallActionProps {
  /** What it does, and to what: "Remove notes.txt". */
  readonly label: string;
  /** The same in a word, shown when it is pointed at. */
  readonly title: string;
  readonly onClick: () => void;
  /** Its icon, of 14 pixels. */
  readonly children: ReactNode;
}

/** A small button beside a text, for what can be done with it. */
export function SmallAction({ label, title, onClick, children }: SmallActionProps) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="sm"
      c="var(--soft)"
      aria-label={label}
      title={title}
      onClick={onClick}
    >
      {children}
    </ActionIcon>
  );
}
