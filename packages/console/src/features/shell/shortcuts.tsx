import { Kbd, Modal } from '@mantine/core';
import classes from './shortcuts.module.css';

const SHORTCUTS: readonly (readonly [string, readonly string[]])[] = [
  ['Open the command palette', ['Ctrl / ⌘', 'K']],
  ['Open the command palette', ['/']],
  ['Go to chat', ['g', 'c']],
  ['Go to runs', ['g', 'r']],
  ['Go to tasks', ['g', 't']],
  ['Go to approvals', ['g', 'a']],
  ['Go to schedules', ['g', 's']],
  ['Go to usage', ['g', 'u']],
  ['Go to keys', ['g', 'k']],
  ['Go to tenants', ['g', 'n']],
  ['Go to the audit log', ['g', 'l']],
  ['Go to tools', ['g', 'o']],
  ['Go to MCP servers', ['g', 'm']],
  ['Go to skills', ['g', 'i']],
  ['Go to knowledge', ['g', 'b']],
  ['Go to memory', ['g', 'y']],
  ['Go to playbooks', ['g', 'p']],
  ['Go to settings', ['g', 'e']],
  ['Next and previous row of a list', ['j', 'k']],
  ['Open the row', ['Enter']],
  ['Choose the task', ['x']],
  ['Approve, reject (approvals)', ['a', 'r']],
  ['Edit the input, give the result (approvals)', ['e']],
  ['Files of the session (chat)', ['f']],
  ['Send a message', ['Enter']],
  ['Send what a dialog holds', ['Ctrl / ⌘', 'Enter']],
  ['New line in a message', ['Shift', 'Enter']],
  ['Close what is open', ['Esc']],
  ['This help', ['?']],
];

interface ShortcutsProps {
  readonly onClose: () => void;
}

/** Every key the console listens to. */
export function Shortcuts({ onClose }: ShortcutsProps) {
  return (
    <Modal opened onClose={onClose} title="Keyboard shortcuts" closeButtonProps={{ 'aria-label': 'Close' }}>
      <dl className={classes.list}>
        {SHORTCUTS.map(([what, keys]) => (
          <div key={what + keys.join('')}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
