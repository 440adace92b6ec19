import { sleep, type Log } from '@reeve/kit';
import type pg from 'pg';
import { CHANNELS, type Channel, type Database } from './database.ts';

type Hear = (payload: string | null) => void;

/** What hands notifications to whoever listens, until it is closed. */
export interface Listener {
  readonly listen: Database['listen'];
  /** Hands a payload over here. */
  tell(channel: Channel, payload: string | null): void;
  close(): Promise<void>;
}

/** Listens on one connection of its own, always reading, connecting again for as long as it is open. */
export function startListener(connect: () => pg.Client, log: Log): Listener {
  const listeners = createListeners();
  const closing = new AbortController();
  const closed = new Promise<void>((resolve) =>
    closing.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  async function hearOnce(): Promise<void> {
    const client = connect();
    const { promise: lost, resolve: lose } = Promise.withResolvers<Error>();
    client.on('error', lose);
    client.on('end', () => lose(new Error('the server ended it')));
    client.on('notification', ({ channel, payload }) => listeners.tell(channel as Channel, payload ?? ''));
    try {
      await client.connect();
      await client.query(CHANNELS.map((channel) => `listen ${channel}`).join(';'));
      for (const channel of CHANNELS) listeners.tell(channel, null);
      const error = await Promise.race([lost, closed]);
      if (error !== undefined) throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  async function hearOn(): Promise<void> {
    while (!closing.signal.aborted) {
      await hearOnce().catch((error: unknown) =>
        log.warn({ err: error }, 'the listening database connection was lost'),
      );
      await sleep(500, closing.signal);
    }
  }
  const running = hearOn();
  return {
    ...listeners,
    async close() {
      closing.abort();
      await running;
    },
  };
}

/**
 * How often listeners look for themselves where notifications of other processes cannot arrive, in milliseconds. What is not here is
 * cached for five seconds at most, and read again by itself.
 */
const POLL_MS: Partial<Record<Channel, number>> = {
  reeve_tasks: 250,
  reeve_runs: 500,
  reeve_journal: 1_000,
  reeve_cancels: 2_000,
  reeve_schedules: 5_000,
};

/** Listens to nobody: has listeners look for themselves, again and again. */
export function startPolling(): Listener {
  const listeners = createListeners();
  const timers = (Object.entries(POLL_MS) as [Channel, number][]).map(([channel, ms]) =>
    setInterval(() => listeners.tell(channel, null), ms).unref(),
  );
  return { ...listeners, close: async () => timers.forEach(clearInterval) };
}

function createListeners(): Pick<Listener, 'listen' | 'tell'> {
  const listeners = new Map<Channel, Set<Hear>>(CHANNELS.map((channel) => [channel, new Set()]));
  return {
    listen(channel, hear) {
      listeners.get(channel)?.add(hear);
      return () => void listeners.get(channel)?.delete(hear);
    },
    tell(channel, payload) {
      for (const hear of listeners.get(channel) ?? []) hear(payload);
    },
  };
}
