import { ActionIcon, Textarea, Tooltip } from '@mantine/core';
import type { KeyboardEvent, ReactNode } from 'react';
import { SendIcon, StopIcon } from '../../ui/icons.ts';
import classes from './composer.module.css';

interface ComposerProps {
  readonly draft: string;
  readonly onDraft: (draft: string) => void;
  readonly onSend: () => void;
  /** Stops the run in progress; undefined while none is. */
  readonly onStop: (() => void) | undefined;
  readonly stopping: boolean;
  /** Whether that run is put aside, for a person or for a budget. */
  readonly waiting: boolean;
  readonly sending: boolean;
  /** Stands at the left under the text: who answers, and what becomes of the run in progress. */
  readonly children: ReactNode;
}

/** Where a message is typed. Enter sends, Shift+Enter begins a new line, also while a run works. */
export function Composer({ draft, onDraft, onSend, onStop, stopping, waiting, sending, children }: ComposerProps) {
  const ready = draft.trim() !== '' && !sending;

  const send = (): void => {
    if (ready) onSend();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form
      className={classes.composer}
      aria-label="Message"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Textarea
        aria-label="Message"
        placeholder="Ask something"
        autosize
        minRows={1}
        maxRows={12}
        variant="unstyled"
        autoFocus
        classNames={{ input: classes.input }}
        value={draft}
        onChange={(event) => onDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div className={classes.row}>
        {children}
        <span className={classes.hint} aria-hidden="true">
          {onStop === undefined
            ? 'Enter sends, Shift+Enter begins a new line'
            : waiting
              ? 'The run waits'
              : 'The agent is working'}
        </span>
        {onStop !== undefined && (
          <Tooltip label="Stop the run">
            <ActionIcon
              size="lg"
              radius="xl"
              color="rust"
              aria-label="Stop the run"
              onClick={onStop}
              loading={stopping}
            >
              <StopIcon size={18} />
            </ActionIcon>
          </Tooltip>
        )}
        <Tooltip label="Send">
          <ActionIcon
            type="submit"
            size="lg"
            radius="xl"
            aria-label="Send"
            disabled={!ready && !sending}
            loading={sending}
          >
            <SendIcon size={18} />
          </ActionIcon>
        </Tooltip>
      </div>
    </form>
  );
}
