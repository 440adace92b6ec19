import { Button, PasswordInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { routes } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, forgetKey, keepKey } from '../../api/connection.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { KeyIcon } from '../../ui/icons.ts';
import { Mark } from '../../ui/mark.tsx';
import { messageOf } from '../../ui/message-of.ts';
import classes from './sign-in.module.css';

interface SignInProps {
  /** The server has just refused the key that was given before. */
  readonly refused: boolean;
  readonly onDone: () => void;
}

/** Asks for an API key or a token, tries it, and keeps it for this tab. */
export function SignIn({ refused: sentBack, onDone }: SignInProps) {
  const [key, setKey] = useState('');
  const cache = useQueryClient();
  const signIn = useMutation({
    mutationFn: async () => {
      keepKey(key.trim());
      await api().call(routes.getVersion);
    },
    onSuccess: () => {
      cache.clear();
      onDone();
    },
    onError: forgetKey,
  });
  const refused = signIn.error instanceof ClientError && signIn.error.status === 401;
  return (
    <div className={classes.page}>
      <title>Sign in · Reeve</title>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <Mark size={44} />
        <h1>Sign in</h1>
        <p>
          {sentBack
            ? 'The server no longer takes the key that you gave: it may have expired, or was revoked or replaced. '
            : 'This server asks for an API key or a token. '}
          What you give stays in this tab and is forgotten when you close it.
        </p>
        <PasswordInput
          label="API key"
          description="Or a JWT, where the server takes them"
          placeholder="rv_…"
          leftSection={<KeyIcon size={16} />}
          autoComplete="off"
          data-autofocus
          autoFocus
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={refused ? `The server did not take this key. It says: ${messageOf(signIn.error)}.` : undefined}
        />
        {signIn.isError && !refused && <ErrorPanel title="The key could not be tried" error={signIn.error} />}
        <Button type="submit" fullWidth loading={signIn.isPending} disabled={key.trim() === ''}>
          Sign in
        </Button>
        <p className={classes.note}>
          An administrator makes keys under Administration, or with <code>reeve keys create</code>; whoever runs the
          server sets the first one as <code>REEVE_API_KEY</code>.
        </p>
      </form>
    </div>
  );
}
