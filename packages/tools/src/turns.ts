import { ReeveError } from '@reeve/kit';

/** A place among those that may work at once; disposing it gives it on. */
export interface Turns {
  /** Waits in line for a turn, `waitMs` at most. Throws `limit_reached` after that, and `cancelled` where the signal aborts. */
  take(waitMs: number, signal: AbortSignal): Promise<Disposable>;
}

/** Lets so many work at once, and the others wait in line: what each may cost is bounded, and so is what all may cost. */
export function createTurns(limit: number): Turns {
  let free = limit;
  const line: (() => void)[] = [];
  const give = () => {
    const next = line.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async take(waitMs, signal) {
      if (signal.aborted) throw new ReeveError('cancelled', 'the run was cancelled');
      if (free > 0) free -= 1;
      else await wait(line, waitMs, signal);
      let given = false;
      return {
        [Symbol.dispose]() {
          if (!given) give();
          given = true;
        },
      };
    },
  };
}

function wait(line: (() => void)[], waitMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = (error: ReeveError) => {
    const at = line.indexOf(resolve);
    if (at >= 0) line.splice(at, 1);
    reject(error);
  };
  const cancel = () => leave(new ReeveError('cancelled', 'the run was cancelled'));
  const timer = setTimeout(
    () => leave(new ReeveError('limit_reached', 'too many such calls are being made just now; try again in a moment')),
    waitMs,
  );
  signal.addEventListener('abort', cancel, { once: true });
  line.push(resolve);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  });
}
