/** What is remembered for a time, up to a number of entries; beyond it the oldest is forgotten. */
export interface ExpiringMap<Value> {
  /** Undefined where it is not known, or its time is over. */
  get(key: string): Value | undefined;
  /** Remembers it for `ms`, a number that need not be finite. */
  set(key: string, value: Value, ms: number): void;
  delete(key: string): void;
  /** Forgets all that `matches`. */
  forget(matches: (value: Value) => boolean): void;
  readonly size: number;
}

/** An empty one. Time is the process's own, which nobody sets back. */
export function createExpiringMap<Value>(limit: number): ExpiringMap<Value> {
  const entries = new Map<string, { readonly value: Value; readonly until: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined || performance.now() < entry.until) return entry?.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value, ms) {
      entries.delete(key);
      if (ms <= 0) return;
      const [oldest] = entries.keys();
      if (entries.size >= limit && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { value, until: performance.now() + ms });
    },
    delete(key) {
      entries.delete(key);
    },
    forget(matches) {
      for (const [key, { value }] of entries) if (matches(value)) entries.delete(key);
    },
    get size() {
      return entries.size;
    },
  };
}
