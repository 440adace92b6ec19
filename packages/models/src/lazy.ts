/** What is loaded with its first use, once; what could not be loaded is loaded anew by the next. */
export interface Lazy<Value> {
  /** Rejects as loading does. */
  get(): Promise<Value>;
  /** What is loaded, or being loaded; undefined where nothing is. Never rejects. */
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
