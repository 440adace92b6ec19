import { Popover, UnstyledButton } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { healthQuery } from '../../api/health.ts';
import { messageOf } from '../../ui/message-of.ts';
import { formatDuration } from '../../ui/format.ts';
import { Status, statusName } from '../../ui/status.tsx';
import classes from './health-glyph.module.css';
import { healthState } from './health-state.ts';

/** The server's health as sign and word; opens the table of its components. */
export function HealthGlyph() {
  const health = useQuery(healthQuery);
  const [open, setOpen] = useState(false);
  const failure =
    health.error === null
      ? null
      : health.error instanceof ClientError && health.error.status === 0
        ? 'unreachable'
        : 'unreadable';
  const state = healthState(health.data, failure);
  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-end"
      width="min(30rem, calc(100vw - 1rem))"
      shadow="md"
      trapFocus
      returnFocus
    >
      <Popover.Target>
        <UnstyledButton className={classes.glyph} aria-label={`Health: ${state.text}`} onClick={() => setOpen(!open)}>
          <Status status={state.status} text={state.text} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label="Health of the server" className={classes.dropdown}>
        {health.isError && (
          <p className={classes.unreachable} role="alert">
            {messageOf(health.error)} Trying again every 10 s.
          </p>
        )}
        {health.data !== undefined && (
          <p className={classes.about}>
            {health.isError && 'When last heard of: '}
            {health.data.service} {health.data.version}, up {formatDuration(health.data.uptime_s * 1000)}, roles{' '}
            {health.data.roles.join(', ')}
          </p>
        )}
        {state.components.length > 0 && (
          <table className={classes.table}>
            <caption>Amber: an optional part fails. Red: the database fails, or the server gives no answer.</caption>
            <thead>
              <tr>
                <th scope="col">Component</th>
                <th scope="col">Status</th>
                <th scope="col">Latency</th>
              </tr>
            </thead>
            <tbody>
              {state.components.map((component) => (
                <tr key={component.name}>
                  <th scope="row">
                    {component.name}
                    {component.message !== undefined && <span className={classes.message}>{component.message}</span>}
                  </th>
                  <td>
                    <Status status={statusName(component.status)} />
                  </td>
                  <td className={classes.latency}>
                    {component.latency_ms === undefined ? '–' : formatDuration(component.latency_ms)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}
