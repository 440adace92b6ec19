import { CatchUp, FREQUENCIES, routes, type Frequency, type Schedule, type ScheduleType } from '@reeve/contract';
import { Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT, UsageError } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { addOnId, examples, exitWith, JSON_OPTION, jsonObject, withListOptions, type ListOptions } from '../options.ts';
import {
  note,
  printFields,
  printJson,
  printList,
  printText,
  shownTime,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface SchedulesOptions extends ListOptions {
  readonly agent?: string;
}

interface CreateOptions extends OutputOptions {
  readonly kind?: string;
  readonly agent?: string;
  readonly type?: string;
  readonly title?: string;
  readonly cron?: string;
  readonly frequency?: Frequency;
  readonly timezone?: string;
  readonly first?: string;
  readonly payload?: Record<string, unknown>;
  readonly catchUp?: CatchUp;
  readonly paused?: true;
}

const COLUMNS: readonly Column<Schedule>[] = [
  ['ID', ({ id }) => id],
  ['AGENT', ({ agent_id }) => agent_id],
  ['TYPE', ({ task_type }) => task_type],
  ['WHEN', shownTimes],
  ['NEXT', ({ enabled, next_run_at }) => (enabled ? shownTime(next_run_at) : 'paused')],
  ['LAST', ({ last_run_at }) => shownTime(last_run_at)],
  ['TITLE', ({ title }) => title],
];
const TYPE_COLUMNS: readonly Column<ScheduleType>[] = [
  ['KIND', ({ schedule_type }) => schedule_type],
  ['AGENT', ({ agent_id, available }) => `${agent_id}${available ? '' : ' (not there)'}`],
  ['TYPE', ({ task_type }) => task_type],
  ['FREQUENCY', ({ frequency }) => frequency],
  ['DESCRIPTION', ({ description }) => description],
];

const ID = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command.command('list').description('schedules, newest first').option('--agent <agent>', 'of this agent'),
  )
    .addHelpText('after', examples('reeve schedules list'))
    .action(exitWith(io, list));
  withListOptions(command.command('types').description('ready-made kinds of schedules'))
    .addHelpText('after', examples('reeve schedules types'))
    .action(exitWith(io, types));
  addOnId(io, command, 'show', 'one schedule', show);
  command
    .command('create')
    .description('make tasks at set times')
    .option('--agent <agent>', 'agent by id or slug')
    .option('--type <type>', 'type of task')
    .option('--title <title>', 'title of each task')
    .option('--kind <kind>', 'a ready-made kind, which brings agent, type, title and frequency')
    .option('--cron <fields>', 'when: minute, hour, day of month, month, day of week')
    .addOption(new Option('--frequency <frequency>', 'when, instead of --cron').choices(FREQUENCIES))
    .option('--timezone <zone>', 'where those times hold, such as Europe/Berlin; UTC unless given')
    .option('--first <time>', 'the first due time, such as 2030-01-31T08:00:00Z')
    .option('--payload <json>', 'a JSON object for each task', jsonObject)
    .addOption(
      new Option('--catch-up <how>', 'times that passed while nothing ran: skip them, or make one task').choices(
        CatchUp.options,
      ),
    )
    .option('--paused', 'make no tasks until "schedules resume"')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examples(
        'reeve schedules create --agent assistant --type note --title "Good morning" --cron "0 8 * * 1-5" --timezone Europe/Berlin',
      ),
    )
    .action(exitWith(io, create));
  addOnId(io, command, 'pause', 'make no more tasks until it is resumed', (io, id, options) =>
    enable(io, id, false, options),
  );
  addOnId(io, command, 'resume', 'make tasks again, from the next due time on', (io, id, options) =>
    enable(io, id, true, options),
  );
  command
    .command('delete <id>')
    .description('delete a schedule; its tasks stay')
    .addHelpText('after', examples(`reeve schedules delete ${ID}`))
    .action(exitWith(io, remove));
}

async function list(io: CommandIo, options: SchedulesOptions): Promise<number> {
  const { agent, limit, offset } = options;
  await using connection = await connect(io, 'schedules list');
  const answer = await connection.client.call(routes.listSchedules, { query: { agent_id: agent, limit, offset } });
  printList(io, answer, answer.schedules, COLUMNS, options);
  return EXIT.done;
}

async function types(io: CommandIo, options: ListOptions): Promise<number> {
  const { limit, offset } = options;
  await using connection = await connect(io, 'schedules types');
  const answer = await connection.client.call(routes.listScheduleTypes, { query: { limit, offset } });
  printList(io, answer, answer.types, TYPE_COLUMNS, options);
  return EXIT.done;
}

async function show(io: CommandIo, id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, 'schedules show');
  const schedule = await connection.client.call(routes.getSchedule, { params: { id } });
  if (wantsJson(io, options)) printJson(io, schedule);
  else printFields(io, Object.entries(schedule));
  return EXIT.done;
}

async function create(io: CommandIo, options: CreateOptions): Promise<number> {
  const { kind, agent, type, title, cron, frequency, timezone, first, payload, catchUp, paused } = options;
  if (kind === undefined && (agent === undefined || type === undefined || title === undefined))
    throw new UsageError('give --agent, --type and --title, or a --kind of "reeve schedules types"');
  await using connection = await connect(io, 'schedules create');
  const schedule = await connection.client.call(routes.createSchedule, {
    body: {
      schedule_type: kind,
      agent_id: agent,
      task_type: type,
      title,
      cron,
      frequency,
      timezone,
      next_run_at: first,
      config: payload,
      catch_up: catchUp,
      enabled: paused !== true,
    },
  });
  printSchedule(io, schedule, options);
  if (connection.server === undefined && !wantsJson(io, options))
    note(io, 'no server runs: make its tasks with "reeve run-due-schedules", or start "reeve serve"');
  return EXIT.done;
}

async function enable(io: CommandIo, id: string, enabled: boolean, options: OutputOptions): Promise<number> {
  await using connection = await connect(io, `schedules ${enabled ? 'resume' : 'pause'}`);
  printSchedule(
    io,
    await connection.client.call(routes.updateSchedule, { params: { id }, body: { enabled } }),
    options,
  );
  return EXIT.done;
}

async function remove(io: CommandIo, id: string): Promise<number> {
  await using connection = await connect(io, 'schedules delete');
  await connection.client.call(routes.deleteSchedule, { params: { id } });
  note(io, `deleted ${id}`);
  return EXIT.done;
}

function printSchedule(io: CommandIo, schedule: Schedule, options: OutputOptions): void {
  if (wantsJson(io, options)) return printJson(io, schedule);
  const { id, enabled, next_run_at } = schedule;
  printText(io, `${id}  ${enabled ? `due next at ${next_run_at ?? 'no time any more'}` : 'paused'}`);
}

function shownTimes({ cron, frequency, timezone }: Schedule): string {
  return `${cron ?? frequency ?? 'once'} ${timezone}`;
}
