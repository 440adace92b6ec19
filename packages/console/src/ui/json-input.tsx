import { Textarea } from '@mantine/core';
import { useRef } from 'react';
import classes from './json-input.module.css';
import type { JsonFault } from './json-object.ts';

interface JsonInputProps {
  readonly label: string;
  readonly description: string;
  readonly value: string;
  /** What is wrong with the text; its line is marked. */
  readonly fault: JsonFault | null;
  /** What the server found wrong. */
  readonly error: string | undefined;
  readonly onChange: (value: string) => void;
  /** Takes the focus when its dialog opens. */
  readonly first?: boolean;
}

const ROWS = 8;

/** JSON to type, with line numbers of which that of a fault is marked. */
export function JsonInput({ label, description, value, fault, error, onChange, first }: JsonInputProps) {
  const gutter = useRef<HTMLDivElement>(null);
  return (
    <Textarea
      label={label}
      description={description}
      rows={ROWS}
      wrap="off"
      data-autofocus={first || undefined}
      spellCheck={false}
      classNames={{ input: classes.text, section: classes.section }}
      leftSectionWidth={36}
      leftSection={
        <div className={classes.gutter} ref={gutter} aria-hidden="true">
          {value.split('\n').map((_, index) => (
            <span key={index} data-fault={fault?.line === index + 1 || undefined}>
              {index + 1}
            </span>
          ))}
        </div>
      }
      value={value}
      error={fault?.message ?? error}
      onScroll={({ currentTarget }) => gutter.current?.scrollTo({ top: currentTarget.scrollTop })}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
