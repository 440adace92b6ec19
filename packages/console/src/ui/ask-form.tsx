import { Button, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './ask-form.module.css';
import { SearchIcon } from './icons.ts';
import { useValueOf } from './use-value-of.ts';

interface AskFormProps {
  readonly label: string;
  readonly placeholder: string;
  /** What is asked, as the address says. */
  readonly asked: string | undefined;
  readonly isAsking: boolean;
  /** Told what was typed, without blanks around it, once that is asked for; never told nothing. */
  readonly onAsk: (text: string) => void;
  /** What narrows the search down, below the field. */
  readonly children: ReactNode;
}

const LONGEST = 2_000;

/** A question to type, and a button that asks it; what was asked lives in the address. */
export function AskForm({ label, placeholder, asked, isAsking, onAsk, children }: AskFormProps) {
  const field = useValueOf(asked);
  return (
    <form
      role="search"
      aria-label={label}
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        const text = field.current?.value.trim() ?? '';
        if (text !== '') onAsk(text);
      }}
    >
      <div className={classes.line}>
        <TextInput
          className={classes.question}
          aria-label={label}
          placeholder={placeholder}
          type="search"
          maxLength={LONGEST}
          leftSection={<SearchIcon size={15} />}
          ref={field}
          defaultValue={asked ?? ''}
        />
        <Button type="submit" loading={isAsking}>
          Search
        </Button>
      </div>
      <div className={classes.narrow}>{children}</div>
    </form>
  );
}
