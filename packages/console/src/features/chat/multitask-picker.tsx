import { Select } from '@mantine/core';
import type { Multitask } from '@reeve/contract';

interface MultitaskPickerProps {
  readonly value: Multitask;
  readonly onChange: (multitask: Multitask) => void;
}

const CHOICES = [
  { value: 'enqueue', label: 'Wait in line' },
  { value: 'interrupt', label: 'Stop it, keep its work' },
  { value: 'rollback', label: 'Stop it and forget it' },
] as const satisfies readonly { value: Multitask; label: string }[];

/** What the next message does while a run is going on: waits for it, or ends it. */
export function MultitaskPicker({ value, onChange }: MultitaskPickerProps) {
  return (
    <Select
      aria-label="The run going on"
      size="xs"
      w={172}
      radius="xl"
      allowDeselect={false}
      data={CHOICES}
      value={value}
      onChange={(chosen) => chosen !== null && onChange(chosen)}
      comboboxProps={{ position: 'top-start', width: 200 }}
    />
  );
}
