import { ActionIcon, Kbd, Tooltip, UnstyledButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { ChatIcon, KeyboardIcon, RunsIcon, SearchIcon, TasksIcon } from '../../ui/icons.ts';
import { Mark } from '../../ui/mark.tsx';
import classes from './header.module.css';
import { HealthGlyph } from './health-glyph.tsx';
import { SchemeSwitch } from './scheme-switch.tsx';

interface HeaderProps {
  readonly onPalette: () => void;
  readonly onShortcuts: () => void;
}

/** The name, the three places, the palette, the server's health and the color scheme. */
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
        <Link
          to="/chat/{-$sessionId}"
          params={{ sessionId: undefined }}
          activeOptions={{ exact: false, includeSearch: false }}
          className={classes.link}
          aria-label="Chat"
        >
          <ChatIcon size={18} />
          <span>Chat</span>
        </Link>
        <Link
          to="/runs"
          activeOptions={{ exact: false, includeSearch: false }}
          className={classes.link}
          aria-label="Runs"
        >
          <RunsIcon size={18} />
          <span>Runs</span>
        </Link>
        <Link
          to="/admin/agents/tasks"
          activeOptions={{ exact: false, includeSearch: false }}
          className={classes.link}
          aria-label="Tasks"
        >
          <TasksIcon size={18} />
          <span>Tasks</span>
        </Link>
      </nav>
      <div className={classes.tools}>
        <UnstyledButton className={classes.palette} onClick={onPalette} title="Command palette">
          <SearchIcon size={16} /> <span>Go to</span>{' '}
          <Kbd size="xs" aria-hidden="true">
            Ctrl K
          </Kbd>
        </UnstyledButton>
        <HealthGlyph />
        <Tooltip label="Keyboard shortcuts">
          <ActionIcon
            className={classes.wide}
            variant="subtle"
            color="gray"
            c="var(--mantine-color-text)"
            size="lg"
            aria-label="Keyboard shortcuts"
            onClick={onShortcuts}
          >
            <KeyboardIcon size={18} />
          </ActionIcon>
        </Tooltip>
        <SchemeSwitch />
      </div>
    </header>
  );
}
