import type { NameAgent } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { EventStream, lastEventId, type App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { JournalFeed } from './journal-feed.ts';
import { selectTask } from '../queue/store/read.ts';

/** The transaction and the position of a journal entry. */
const EVENT_ID = /^\d{1,20}-\d{1,20}$/;

/**
 * Mounts the streams of tasks. To be mounted before `/api/agents/tasks/{id}`, which takes any word for an id. A stream of
 * a tenant's tasks says first where it begins, so that a reader that loses it before the first event misses none.
 */
export function mountTaskStreams(app: App, database: Database, feed: JournalFeed, nameAgent: NameAgent): void {
  const filterOf = async (
    tenantId: string,
    query: { agent_id?: string | undefined; task_type?: string | undefined },
  ) => ({
    agentId: await inTenant(database.db, tenantId, (tx) => nameAgent(tx, tenantId, query.agent_id)),
    taskType: query.task_type,
  });

  app.mount(routes.streamTasks, async ({ principal: { tenantId }, query, header }) => {
    const after = lastEventId(header, EVENT_ID) ?? query.after ?? (await feed.now());
    const filter = await filterOf(tenantId, query);
    return new EventStream(async function* (signal) {
      yield { id: after };
      for await (const event of feed.follow({ tenantId, after, ...filter, signal }))
        yield { id: event.id, data: event };
    });
  });

  app.mount(routes.streamTask, async ({ principal: { tenantId }, params: { id: taskId }, query, header }) => {
    const after = lastEventId(header, EVENT_ID) ?? query.after;
    const task = await inTenant(database.db, tenantId, (tx) => selectTask(tx, tenantId, taskId));
    if (task === undefined) throw new ReeveError('not_found', `there is no task ${taskId}`);
    return new EventStream(async function* (signal) {
      for await (const event of feed.follow({ tenantId, after, taskId, signal })) yield { id: event.id, data: event };
    });
  });

  app.mountSocket(routes.watchTasks, async ({ principal: { tenantId }, query, header }) => {
    const after = lastEventId(header, EVENT_ID) ?? query.after ?? (await feed.now());
    const filter = await filterOf(tenantId, query);
    return {
      ack: { id: after },
      async serve({ signal, send }) {
        for await (const event of feed.follow({ tenantId, after, ...filter, signal })) await send(event.type, event);
      },
    };
  });
}
