import { recordAudit, type AuditEntry } from '@reeve/audit';
import { inTenant, mayPass, type Database } from '@reeve/db';
import { Background, Signal, sleep, type Log } from '@reeve/kit';
import { updateUsed } from '../store/key.ts';

/** Somebody has proved who they are. */
export interface Use {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
  /** The stored key that they used; undefined for another login. */
  readonly keyId?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes down who came in, beside the requests that they make. */
export interface UseLog extends AsyncDisposable {
  /**
   * Remembers it, to be written soon: the last use of a key, with an audit row `KEY_USED` for the first of a day in UTC, or
   * an audit row `LOGIN`. Never throws, never waits.
   */
  add(use: Use): void;
}

/** Uses that may wait while the database is away; more are dropped, and the log says how many. */
const MOST_WAITING = 10_000;
const AT_ONCE = 100;
const RETRY_MS = 1_000;

/** Writes until disposed, which tries once to write what still waits. */
export function startUseLog(database: Database, log: Log): UseLog {
  let waiting: Use[] = [];
  let dropped = 0;
  const filled = new Signal();
  const stopping = new AbortController();
  const background = new Background(log);

  /** Writes what waits for one tenant; false where the database is away, and all of it waits on. */
  async function writeSome(): Promise<boolean> {
    const tenantId = waiting[0]!.tenantId;
    const some = waiting.filter((use) => use.tenantId === tenantId).slice(0, AT_ONCE);
    try {
      await write(database, tenantId, some);
    } catch (error) {
      if (mayPass(error)) return false;
      log.error({ err: error, uses: some.length }, 'uses of keys and logins could not be written down');
    }
    const done = new Set(some);
    waiting = waiting.filter((use) => !done.has(use));
    return true;
  }

  background.start('writing down uses of keys', async () => {
    while (!stopping.signal.aborted) {
      await filled.wait(60_000, stopping.signal);
      while (waiting.length > 0 && !stopping.signal.aborted)
        if (!(await writeSome())) await sleep(RETRY_MS, stopping.signal);
      if (dropped > 0) log.warn({ uses: dropped }, 'the database was away too long to write down every use and login');
      dropped = 0;
    }
    while (waiting.length > 0 && (await writeSome()));
    if (waiting.length > 0)
      log.warn({ uses: waiting.length }, 'the database is away: uses and logins were not written');
  });

  return {
    add(use) {
      if (waiting.length >= MOST_WAITING) dropped += 1;
      else waiting.push(use);
      filled.raise();
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await background[Symbol.asyncDispose]();
    },
  };
}

async function write(database: Database, tenantId: string, uses: readonly Use[]): Promise<void> {
  await inTenant(database.db, tenantId, async (tx) => {
    const byKey = new Map(uses.flatMap((use) => (use.keyId === undefined ? [] : [[use.keyId, use] as const])));
    const first = byKey.size === 0 ? [] : await updateUsed(tx, [...byKey.keys()]);
    const entries: AuditEntry[] = [];
    for (const { keyId, userId: actor, traceId, details } of uses)
      if (keyId === undefined) entries.push({ tenantId, actor, traceId, action: 'LOGIN', details: details ?? {} });
    for (const { id, name } of first) {
      const { userId: actor, traceId } = byKey.get(id)!;
      entries.push({ tenantId, actor, traceId, action: 'KEY_USED', details: { key_id: id, name } });
    }
    await recordAudit(tx, entries);
  });
}
