import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ByteStream, Reply, type App } from '@reeve/http';
import { exportChain } from './export.ts';
import { listAudit } from './list.ts';
import { sealForReader } from './seal.ts';
import { verifyChain } from './verify.ts';

/** Mounts the routes of the audit log. Each seals what is final before it reads. */
export function mountAudit(app: App, database: Database): void {
  app.mount(routes.listAudit, async ({ principal: { tenantId }, query, signal }) => {
    const { limit, offset, from, to, trace_id: traceId, actor, action, task_id: taskId, run_id: runId } = query;
    await sealForReader(database, tenantId, signal);
    return inTenant(database.db, tenantId, async (tx) => {
      const filter = { from, to, traceId, actor, action, taskId, runId };
      return { ...(await listAudit(tx, tenantId, filter, { limit, offset })), limit, offset };
    });
  });

  app.mount(routes.verifyAudit, async ({ principal: { tenantId }, query: { from, rows, number, hash }, signal }) => {
    await sealForReader(database, tenantId, signal);
    const anchor = number === undefined || hash === undefined ? undefined : { number, hash };
    return verifyChain(database, tenantId, { from, limit: rows, anchor, signal });
  });

  app.mount(routes.exportAudit, async ({ principal: { tenantId }, query, signal }) => {
    await sealForReader(database, tenantId, signal);
    const lines = ByteStream.ofLines((gone) => exportChain(database, tenantId, query, gone));
    return new Reply(200, lines, routes.exportAudit.produces, {
      'content-disposition': 'attachment; filename="audit.jsonl"',
    });
  });
}
