import { selectJournalAfter, type JournalPlace, type PlacedEntry } from '@reeve/audit';
import type { JournalEntry, Task, TaskEvent } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { selectTasks } from '../queue/store/read.ts';

/** What a reader wants to hear of; what concerns no task only without any of these. */
export interface Interest {
  readonly taskId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly taskType?: string | undefined;
}

export interface PlacedEvent extends JournalPlace {
  readonly event: TaskEvent;
}

/** Entries that are read at once. */
export const PAGE = 500;

const MOST_POSITION = 2n ** 63n - 1n;

/** Where an event's id points to; any id that the contract's form allows. */
export function placeOf(id: string): JournalPlace {
  const [xid = '0', position = '0'] = id.split('-');
  const number = BigInt(position);
  return { xid: BigInt(xid), position: number > MOST_POSITION ? MOST_POSITION : number };
}

export function eventId({ xid, position }: JournalPlace): string {
  return `${xid}-${position}`;
}

export function isAfter(a: JournalPlace, b: JournalPlace): boolean {
  return a.xid > b.xid || (a.xid === b.xid && a.position > b.position);
}

/** The events between two places of which the second is settled, a page at a time, with the place where the page ends. */
export async function* catchUp(
  database: Database,
  tenantId: string,
  { after, until }: { after: JournalPlace; until: JournalPlace },
  interest: Interest,
): AsyncGenerator<{ events: PlacedEvent[]; end: JournalPlace }, void> {
  const range = { until, limit: PAGE, ...(interest.taskId !== undefined && { taskId: interest.taskId }) };
  for (let last = after; isAfter(until, last);) {
    const { placed, events } = await inTenant(database.db, tenantId, async (tx) => {
      const found = await selectJournalAfter(tx, tenantId, last, range);
      return { placed: found, events: await eventsOf(tx, found, [interest]) };
    });
    last = placed.length < PAGE ? until : placed.at(-1)!;
    yield { events: events.filter(({ event }) => concerns(event, interest)), end: last };
  }
}

/** The events of those entries that may interest somebody, each with its task as it is now. */
export async function eventsOf(
  tx: Tx,
  placed: readonly PlacedEntry[],
  interests: readonly Interest[],
): Promise<PlacedEvent[]> {
  const wanted = placed.filter(({ entry }) => interests.some((interest) => mayConcern(entry, interest)));
  const ids = new Set(wanted.flatMap(({ entry }) => entry.task_id ?? []));
  const tasks = new Map<string, Task>();
  for (const task of await selectTasks(tx, [...ids])) tasks.set(task.id, task);
  return wanted.map(({ xid, position, entry }) => ({
    xid,
    position,
    event: {
      id: eventId({ xid, position }),
      type: entry.type,
      entry,
      task: (entry.task_id === null ? undefined : tasks.get(entry.task_id)) ?? null,
    },
  }));
}

/** Whether an event is of the kind that a reader wants. */
export function concerns({ entry, task }: TaskEvent, interest: Interest): boolean {
  return mayConcern(entry, interest) && (interest.taskType === undefined || task?.task_type === interest.taskType);
}

function mayConcern(entry: JournalEntry, { taskId, agentId, taskType }: Interest): boolean {
  if (taskId !== undefined) return entry.task_id === taskId;
  if (entry.task_id === null) return agentId === undefined && taskType === undefined;
  return agentId === undefined || entry.agent_id === agentId;
}
