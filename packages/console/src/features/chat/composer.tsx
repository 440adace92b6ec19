import { ActionIcon, Textarea, Tooltip } from '@mantine/core';
import type { ClipboardEvent, KeyboardEvent, ReactNode } from 'react';
import { AttachIcon, SendIcon, StopIcon } from '../../ui/icons.ts';
import type { Upload } from '../uploads/uploads.ts';
import { useChooser } from '../uploads/use-chooser.ts';
import { AttachedList } from './attached-list.tsx';
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
  /** The files that go with the message. */
  readonly files: readonly Upload[];
  /** Attaches files; undefined where the caller may not. */
  readonly onFiles: ((files: readonly File[]) => void) | undefined;
  /** Uploads one again that failed. */
  readonly onRetry: (id: number) => void;
  readonly onRemove: (id: number) => void;
  /** Stands at the left under the text: who answers, and what becomes of the run in progress. */
  readonly children: ReactNode;
}

/** Where a message is typed. Enter sends, Shift+Enter begins a new line, also while a run works. */
export function Composer({
  draft,
  onDraft,
  onSend,
  onStop,
  stopping,
  waiting,
  sending,
  files,
  onFiles,
  onRetry,
  onRemove,
  children,
}: ComposerProps) {
  const hasFiles = files.length > 0;
  const ready = (draft.trim() !== '' || hasFiles) && files.every(({ state }) => state === 'done') && !sending;
  const choose = useChooser((chosen) => onFiles?.(chosen));

  const send = (): void => {
    if (ready) onSend();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  const onPaste = (event: ClipboardEvent): void => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length === 0 || onFiles === undefined) return;
    event.preventDefault();
    onFiles(pasted);
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
        onPaste={onPaste}
      />
      <AttachedList files={files} onRetry={onRetry} onRemove={onRemove} />
      <div className={classes.row}>
        {children}
        {onFiles !== undefined && (
          <Tooltip label="Attach images and files" position="right">
            <ActionIcon
              size="lg"
              variant="subtle"
              color="gray"
              c="var(--soft)"
              aria-label="Attach files"
              onClick={choose}
            >
              <AttachIcon size={18} />
            </ActionIcon>
          </Tooltip>
        )}
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
