import { ActionIcon, Kbd, UnstyledButton } from '@mantine/core';
import { Link, useLocation } from '@tanstack/react-router';
import { Suspense, type ReactNode } from 'react';
import {
  ApprovalsIcon,
  ChatIcon,
  KeyboardIcon,
  RunsIcon,
  SchedulesIcon,
  SearchIcon,
  TasksIcon,
  UsageIcon,
} from '../../ui/icons.ts';
import { lazyPart } from '../../ui/lazy-part.ts';
import { Mark } from '../../ui/mark.tsx';
import classes from './header.module.css';
import { SchemeSwitch } from './scheme-switch.tsx';

const HealthGlyph = lazyPart(async () => (await import('./health-glyph.tsx')).HealthGlyph);
const AccountMenu = lazyPart(async () => (await import('./account-menu.tsx')).AccountMenu);
const AdminLink = lazyPart(async () => (await import('./admin-link.tsx')).AdminLink);
const ApprovalsBadge = lazyPart(async () => (await import('../approvals/approvals-badge.tsx')).ApprovalsBadge);

const PLACES = [
  { to: '/chat/{-$sessionId}', name: 'Chat', icon: ChatIcon },
  { to: '/runs', name: 'Runs', icon: RunsIcon },
  { to: '/admin/agents/tasks', name: 'Tasks', icon: TasksIcon },
  { to: '/admin/agents/schedules', name: 'Schedules', icon: SchedulesIcon },
  { to: '/admin/agents/approvals', name: 'Approvals', icon: ApprovalsIcon },
  { to: '/admin/usage', name: 'Usage', icon: UsageIcon },
] as const;

interface HeaderProps {
  readonly onPalette: () => void;
  readonly onShortcuts: () => void;
}

/** The name, the places, the palette, the server's health, the color scheme and who is signed in. */
export function Header({ onPalette, onShortcuts }: HeaderProps) {
  return (
    <header className={classes.header}>
      <Link
        to="/chat/{-$sessionId}"
        params={{ sessionId: undefined }}
        className={classes.name}
        aria-label="Reeve, home"
      >
        <Mark size={26} /> <span>Reeve</span>
      </Link>
      <nav className={classes.nav} aria-label="Main">
        {PLACES.map(({ to, name, icon: Icon }) => (
          <Link
            key={to}
            to={to}
            params={{ sessionId: undefined }}
            activeOptions={{ exact: false, includeSearch: false }}
            className={classes.link}
          >
            <Icon size={18} />
            <span className={classes.label}>{name}</span>
            {name === 'Approvals' && (
              <SignedIn>
                <ApprovalsBadge />
              </SignedIn>
            )}
          </Link>
        ))}
        <SignedIn>
          <AdminLink className={classes.link} labelClassName={classes.label} />
        </SignedIn>
      </nav>
      <div className={classes.tools}>
        <UnstyledButton className={classes.palette} onClick={onPalette} title="Command palette">
          <SearchIcon size={16} /> <span>Go to</span>{' '}
          <Kbd size="xs" aria-hidden="true">
            Ctrl K
          </Kbd>
        </UnstyledButton>
        <Suspense fallback={null}>
          <HealthGlyph />
        </Suspense>
        <ActionIcon
          className={classes.wide}
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          size="lg"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts"
          onClick={onShortcuts}
        >
          <KeyboardIcon size={18} />
        </ActionIcon>
        <div className={classes.roomy}>
          <SchemeSwitch />
        </div>
        <SignedIn>
          <AccountMenu />
        </SignedIn>
      </div>
    </header>
  );
}

/** Shows what asks the server only where a key is not being asked for. */
function SignedIn({ children }: { readonly children: ReactNode }) {
  const { pathname } = useLocation();
  return pathname === '/sign-in' ? null : <Suspense fallback={null}>{children}</Suspense>;
}
