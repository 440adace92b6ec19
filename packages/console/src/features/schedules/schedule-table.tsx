import { ActionIcon, Button, Group, Modal, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Agent, Schedule } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { findAgent } from '../../api/agents.ts';
import { changeSchedule, deleteSchedule } from '../../api/schedules.ts';
import { Ago } from '../../ui/ago.tsx';
import { formatDate } from '../../ui/format.ts';
import { DeleteIcon, PauseIcon, ResumeIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import { Status } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useNow } from '../../ui/use-now.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import classes from './schedules.module.css';
import { formatIn, ruleOf } from './schedule-words.ts';

interface ScheduleTableProps {
  readonly schedules: readonly Schedule[];
  readonly agents: readonly Agent[];
  /** Whether the reader's role lets schedules be paused and deleted. */
  readonly mayChange: boolean;
}

/** Schedules, newest first. A row opens its form. */
export function ScheduleTable({ schedules, agents, mayChange }: ScheduleTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  const [deleting, setDeleting] = useState<Schedule>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Title</th>
            <th scope="col" className={table.wide}>
              Agent
            </th>
            <th scope="col">Next run</th>
            <th scope="col">Last run</th>
            <th scope="col">
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {schedules.map((schedule) => (
            <Row
              key={schedule.id}
              schedule={schedule}
              agent={findAgent(agents, schedule.agent_id)?.name ?? schedule.agent_id}
              mayChange={mayChange}
              onDelete={() => setDeleting(schedule)}
            />
          ))}
        </tbody>
      </table>
      {deleting !== undefined && <DeleteDialog schedule={deleting} onClose={() => setDeleting(undefined)} />}
    </div>
  );
}

interface RowProps {
  readonly schedule: Schedule;
  readonly agent: string;
  readonly mayChange: boolean;
  readonly onDelete: () => void;
}

function Row({ schedule, agent, mayChange, onDelete }: RowProps) {
  const now = useNow();
  const cache = useQueryClient();
  const { id, enabled, title, next_run_at: next, last_run_at: last, last_task_id: lastTask } = schedule;
  const toggle = useMutation({
    mutationFn: () => changeSchedule(id, { enabled: !enabled }),
    onError: (error) =>
      notifications.show({
        color: 'rust',
        title: enabled ? 'The schedule was not paused' : 'The schedule was not resumed',
        message: messageOf(error),
      }),
    onSettled: () => cache.invalidateQueries({ queryKey: ['schedules'] }),
  });
  const turn = `${enabled ? 'Pause' : 'Resume'} ${title}`;
  return (
    <tr>
      <td>
        {!enabled ? (
          <Status status="cancelled" text="Paused" />
        ) : schedule.last_error !== null ? (
          <Status status="error" text="Last time failed" />
        ) : (
          <Status status="ok" text="On" />
        )}
      </td>
      <td className={table.main}>
        <Link to="/admin/agents/schedules" search={{ schedule: id }} className={table.link} data-row>
          {title}
        </Link>
        <span className={table.sub}>{schedule.last_error ?? ruleOf(schedule)}</span>
        <span className={`${table.sub} ${table.narrowOnly}`}>
          {agent} · {schedule.task_type}
        </span>
      </td>
      <td className={table.wide}>{agent}</td>
      <td className={classes.time}>
        {enabled && next !== null ? (
          <time dateTime={next} title={formatDate(next)}>
            {formatIn(next, now)}
            <span>{formatDate(next)}</span>
          </time>
        ) : (
          '–'
        )}
      </td>
      <td className={classes.time}>
        {last === null ? (
          'never ran'
        ) : lastTask === null ? (
          <Ago time={last} />
        ) : (
          <Link to="/admin/agents/tasks" search={{ task: lastTask }} className={classes.above}>
            <Ago time={last} />
          </Link>
        )}
        {schedule.missed_count > 0 && <span>{schedule.missed_count} missed</span>}
      </td>
      <td aria-label="Actions">
        {mayChange && (
          <Group gap={4} wrap="nowrap" className={classes.above}>
            <Tooltip label={enabled ? 'Pause' : 'Resume'}>
              <ActionIcon
                variant="subtle"
                color="gray"
                c="var(--mantine-color-text)"
                aria-label={turn}
                loading={toggle.isPending}
                onClick={() => toggle.mutate()}
              >
                {enabled ? <PauseIcon size={16} /> : <ResumeIcon size={16} />}
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Delete">
              <ActionIcon
                variant="subtle"
                color="gray"
                c="var(--mantine-color-text)"
                aria-label={`Delete ${title}`}
                onClick={onDelete}
              >
                <DeleteIcon size={16} />
              </ActionIcon>
            </Tooltip>
          </Group>
        )}
      </td>
    </tr>
  );
}

function DeleteDialog({ schedule, onClose }: { readonly schedule: Schedule; readonly onClose: () => void }) {
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteSchedule(schedule.id),
    onSuccess: onClose,
    onError: (error) =>
      notifications.show({ color: 'rust', title: 'The schedule was not deleted', message: messageOf(error) }),
    onSettled: () => cache.invalidateQueries({ queryKey: ['schedules'] }),
  });
  return (
    <Modal opened onClose={onClose} title="Delete the schedule" closeButtonProps={{ 'aria-label': 'Close' }}>
      <p className={classes.question}>“{schedule.title}” makes no more tasks then. Those that it has made stay.</p>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button color="rust" loading={remove.isPending} onClick={() => remove.mutate()}>
          Delete schedule
        </Button>
      </Group>
    </Modal>
  );
}
