import { Button, PasswordInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { routes } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, forgetKey, hasKey, keepKey } from '../../api/connection.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { KeyIcon } from '../../ui/icons.ts';
import { Mark } from '../../ui/mark.tsx';
import classes from './sign-in.module.css';

/** Asks for an API key, tries it, and keeps it for this tab. */
export function SignIn({ onDone }: { readonly onDone: () => void }) {
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
          This server asks for an API key{hasKey() ? ', and it no longer takes the one you gave' : ''}. The key stays in
          this tab and is forgotten when you close it.
        </p>
        <PasswordInput
          label="API key"
          placeholder="rv_…"
          leftSection={<KeyIcon size={16} />}
          autoComplete="off"
          data-autofocus
          autoFocus
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={
            refused
              ? 'The server did not take this key. Check that it is whole, not expired and not revoked.'
              : undefined
          }
        />
        {signIn.isError && !refused && <ErrorPanel title="The key could not be tried" error={signIn.error} />}
        <Button type="submit" fullWidth loading={signIn.isPending} disabled={key.trim() === ''}>
          Sign in
        </Button>
        <p className={classes.note}>
          An operator makes keys with <code>reeve keys create</code>, or sets <code>REEVE_API_KEY</code> for the server.
        </p>
      </form>
    </div>
  );
}
