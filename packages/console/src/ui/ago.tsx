import { useSyncExternalStore } from 'react';
import { formatAgo, formatDate } from './format.ts';

const TICK_MS = 10_000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** A time as "5 min ago", kept current by one shared timer; the exact time is in its tooltip. */
export function Ago({ time }: { readonly time: string }) {
  const current = useSyncExternalStore(subscribe, () => now);
  return (
    <time dateTime={time} title={formatDate(time)} style={{ whiteSpace: 'nowrap' }}>
      {formatAgo(time, Math.max(current, Date.parse(time)))}
    </time>
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}
