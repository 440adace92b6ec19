import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import type { App, Call } from '@reeve/http';
import { createKey, revokeKey, rotateKey, type KeyRequester } from './change.ts';
import { listKeys } from '../store/key.ts';

/** Mounts the routes of API keys. `changed` is told of a key that was rotated or revoked, before the caller is answered. */
export function mountKeys(app: App, database: Database, changed: (keyId: string) => void): void {
  app.mount(routes.createKey, (call) => createKey(database, requesterOf(call), call.body));

  app.mount(routes.listKeys, ({ principal: { tenantId }, query: { status, limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => ({
      ...(await listKeys(tx, tenantId, status, { limit, offset })),
      limit,
      offset,
    })),
  );

  app.mount(routes.rotateKey, async (call) => {
    const key = await rotateKey(database, requesterOf(call), call.params.id, call.body.grace_seconds);
    changed(key.id);
    return key;
  });

  app.mount(routes.revokeKey, async (call) => {
    await revokeKey(database, requesterOf(call), call.params.id);
    changed(call.params.id);
    return null;
  });
}

function requesterOf({ principal, context }: Pick<Call<unknown>, 'principal' | 'context'>): KeyRequester {
  return { principal, traceId: context.traceId };
}
