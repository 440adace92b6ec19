import { inTenant, type Db } from '@reeve/db';
import type { ExternalMemory, ExternalMemoryInput } from './client.ts';
import { countTold } from './instruments.ts';
import { coordinateFrom, coordinateText } from './protocol.ts';
import {
  deleteNote,
  selectPending,
  selectMemoriesToSend,
  updateCoordinate,
  updateSent,
  updateStored,
  type PendingMemory,
  type PendingWanted,
} from './store.ts';

/** A change to send, with the memory’s current state; undefined if it is deleted. */
export interface Delivery {
  readonly pending: PendingMemory;
  readonly memory: ExternalMemoryInput | undefined;
}

/**
 * The next deliveries of a tenant; a memory that is being changed just now is left to the next time. From now on what is stored may be there: a process that dies before it knows leaves that behind, so
 * that a later deletion is told all the same.
 */
export async function takeDeliveries(db: Db, tenantId: string, wanted: PendingWanted): Promise<Delivery[]> {
  return inTenant(db, tenantId, async (tx) => {
    // In this order: a change after the first read is another delivery.
    const pending = await selectPending(tx, tenantId, wanted);
    const memories = await selectMemoriesToSend(
      tx,
      tenantId,
      pending.map(({ id }) => id),
    );
    await updateSent(
      tx,
      pending.filter(({ id, sent }) => !sent && memories.has(id)).map(({ id }) => id),
    );
    return pending.map((one) => ({ pending: one, memory: memories.get(one.id) }));
  });
}

/**
 * Tells the backend what a memory is now, and notes that it knows. Told twice is as good as once. What it had of the memory before is
 * deleted first: it may keep a text that was taken back beside the new one otherwise. Answers whether the backend was asked anything.
 * Rejects as the backend does, with a ReeveError, and as the database does.
 */
export async function deliver(
  db: Db,
  backend: ExternalMemory,
  tenantId: string,
  { pending, memory }: Delivery,
  signal: AbortSignal,
): Promise<boolean> {
  const known = pending.coordinate === null ? undefined : coordinateFrom(pending.coordinate);
  if (memory !== undefined) {
    if (known !== undefined) await backend.forget(tenantId, known, signal);
    const coordinate = coordinateText(await backend.remember(tenantId, memory, signal));
    await inTenant(db, tenantId, (tx) => updateStored(tx, tenantId, pending, coordinate));
    countTold('stored');
    return true;
  }
  if (known !== undefined) await backend.forget(tenantId, known, signal);
  // It may have arrived although no answer came: overwriting reveals its coordinate.
  else if (pending.sent) {
    const place = await backend.overwrite(tenantId, pending.id, signal);
    await inTenant(db, tenantId, (tx) => updateCoordinate(tx, pending.id, coordinateText(place)));
    await backend.forget(tenantId, place, signal);
  }
  await inTenant(db, tenantId, (tx) => deleteNote(tx, pending));
  countTold('forgotten');
  return known !== undefined || pending.sent;
}
