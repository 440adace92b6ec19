/** A value loaded once, on first use; a failed load is repeated by the next use. */
export interface Lazy<Value> {
  /** Loads the value if needed; rejects as the load does. */
  get(): Promise<Value>;
  /** The value if it is loaded or loading, else undefined. Never rejects. */
  peek(): Promise<Value | undefined>;
}

export function createLazy<Value>(load: () => Promise<Value>): Lazy<Value> {
  let loading: Promise<Value> | undefined;
  return {
    get() {
      loading ??= load().catch((error: unknown) => {
        loading = undefined;
        throw error;
      });
      return loading;
    },
    peek: async () => loading?.catch(() => undefined),
  };
}
