import { ActionIcon, Button, Popover } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { hasKey } from '../../api/connection.ts';
import { identityQuery } from '../../api/identity.ts';
import { AccountIcon, KeyIcon, SignOutIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import classes from './account-menu.module.css';
import { SchemeSwitch } from './scheme-switch.tsx';
import { useSignOut } from './use-sign-out.ts';

/** Who this tab acts as, in which tenant and with which role, and the way out. */
export function AccountMenu() {
  const { data: identity, error } = useQuery(identityQuery);
  const [open, setOpen] = useState(false);
  const signOut = useSignOut();
  const role = identity?.role ?? 'unknown role';
  const who = identity === undefined ? 'Signed in' : `Signed in: ${role} of ${identity.tenant ?? 'an unknown tenant'}`;
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={300} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          size="lg"
          aria-label={who}
          title={who}
          onClick={() => setOpen(!open)}
        >
          <AccountIcon size={20} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown aria-label="Who is signed in" className={classes.dropdown}>
        {identity === undefined ? (
          <p className={classes.note}>{error === null ? 'Finding out who you are …' : messageOf(error)}</p>
        ) : (
          <dl className={classes.facts}>
            <div>
              <dt>Signed in as</dt>
              <dd>
                <code>{identity.name ?? (identity.role === 'admin' ? 'the local admin' : 'whom the proxy says')}</code>
              </dd>
            </div>
            <div>
              <dt>Role</dt>
              <dd>{role}</dd>
            </div>
            <div>
              <dt>Tenant</dt>
              <dd>{identity.tenant ?? 'unknown'}</dd>
            </div>
          </dl>
        )}
        <p className={classes.note}>
          {hasKey()
            ? 'The key is kept in this tab alone and forgotten when you close it.'
            : 'This server asks this browser for no key.'}
        </p>
        <div className={classes.actions}>
          {hasKey() ? (
            <Button
              variant="default"
              leftSection={<SignOutIcon size={16} />}
              onClick={() => {
                setOpen(false);
                signOut();
              }}
            >
              Sign out
            </Button>
          ) : (
            <Button
              variant="default"
              leftSection={<KeyIcon size={16} />}
              onClick={() => setOpen(false)}
              renderRoot={(props) => <Link to="/sign-in" search={{ from: location.pathname }} {...props} />}
            >
              Use a key
            </Button>
          )}
          <div className={classes.narrow}>
            <SchemeSwitch />
          </div>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
