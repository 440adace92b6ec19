import { Button, Group, Modal } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import type { ApiKey } from '@reeve/contract';
import form from '../../ui/form.module.css';
import { formatDate } from '../../ui/format.ts';
import { CheckIcon, CopyIcon, WarnIcon } from '../../ui/icons.ts';
import classes from './keys.module.css';

/** A secret to show, once. */
export interface Shown {
  readonly apiKey: ApiKey;
  /** Null where the server had told it before: it keeps none. */
  readonly secret: string | null;
  readonly of: 'new' | 'rotated';
}

interface SecretDialogProps extends Shown {
  readonly onClose: () => void;
}

/** Shows a secret until it is closed, which only its button does: there is no second look. */
export function SecretDialog({ apiKey: { name, grace_ends_at: grace }, secret, of, onClose }: SecretDialogProps) {
  const clipboard = useClipboard({ timeout: 3_000 });
  return (
    <Modal
      opened
      onClose={onClose}
      title={of === 'new' ? `The key “${name}” is made` : `The key “${name}” has a new secret`}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <div className={form.form}>
        {secret === null ? (
          <p className={classes.warning}>
            <WarnIcon size={18} />
            <span>The server does not tell the secret a second time. Rotate the key to get another one.</span>
          </p>
        ) : (
          <>
            <p className={classes.warning}>
              <WarnIcon size={18} />
              <span>
                Copy it now. This is the only time that it is shown: it is stored nowhere, and nobody can look it up
                later.
              </span>
            </p>
            <div className={classes.secret} role="group" aria-label="Secret of the key" tabIndex={0}>
              {secret}
            </div>
          </>
        )}
        {of === 'rotated' && grace !== null && (
          <p className={classes.text}>The secret before is accepted until {formatDate(grace)}.</p>
        )}
        {clipboard.error !== null && (
          <p className={classes.text} role="alert">
            This browser does not let the console copy. Select the secret and copy it by hand.
          </p>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Done
          </Button>
          {secret !== null && (
            <Button
              data-autofocus
              leftSection={clipboard.copied ? <CheckIcon size={16} /> : <CopyIcon size={16} />}
              onClick={() => clipboard.copy(secret)}
            >
              {clipboard.copied ? 'Copied' : 'Copy secret'}
            </Button>
          )}
        </Group>
      </div>
    </Modal>
  );
}
