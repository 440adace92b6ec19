/** The time limit of a run's work under one claim. */
export interface WorkLimit extends Disposable {
  /** Aborts once the run has worked for longer than its limit. */
  readonly signal: AbortSignal;
  /** Stops the clock while the run waits, and lets it go on. */
  pause(isWaiting: boolean): void;
}

/** Starts a clock that aborts with `reasonOf()` after `limitMs` of work; paused time does not count. */
export function startWorkLimit(limitMs: number, reasonOf: () => Error): WorkLimit {
  const controller = new AbortController();
  const stop = () => controller.abort(reasonOf());
  let leftMs = limitMs;
  let since = performance.now();
  let timer: NodeJS.Timeout | undefined = setTimeout(stop, leftMs);
  return {
    signal: controller.signal,
    pause(isWaiting) {
      if (isWaiting && timer !== undefined) {
        clearTimeout(timer);
        timer = undefined;
        leftMs -= performance.now() - since;
      } else if (!isWaiting && timer === undefined) {
        since = performance.now();
        timer = setTimeout(stop, Math.max(0, leftMs));
      }
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
