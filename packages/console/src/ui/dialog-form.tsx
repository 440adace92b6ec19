import { useEventListener } from '@mantine/hooks';
import type { ReactNode } from 'react';
import classes from './form.module.css';

interface DialogFormProps {
  /** Called on the button that submits, and on Ctrl Enter in any field. */
  readonly onSend: () => void;
  readonly children: ReactNode;
}

/** The form of a dialog whose fields take Enter for themselves. What is wrong with them is said beside them, not by the browser. */
export function DialogForm({ onSend, children }: DialogFormProps) {
  const ref = useEventListener('keydown', (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    onSend();
  });
  return (
    <form
      className={classes.form}
      noValidate
      ref={ref}
      onSubmit={(event) => {
        event.preventDefault();
        onSend();
      }}
    >
      {children}
    </form>
  );
}
