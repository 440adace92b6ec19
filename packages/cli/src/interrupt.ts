import type { CommandIo } from './io.ts';

/**
 * Calls `hear` at the first SIGINT or SIGTERM, with the exit code it means; a second one ends the process at once.
 * Disposing leaves signals to their usual effect again.
 */
export function onInterrupt({ signals, exit }: CommandIo, hear: (exitCode: number) => void): Disposable {
  let heard = false;
  const on = (signal: NodeJS.Signals) => {
    const code = signal === 'SIGTERM' ? 143 : 130;
    if (heard) exit(code);
    else hear(code);
    heard = true;
  };
  signals.on('SIGINT', on);
  signals.on('SIGTERM', on);
  return {
    [Symbol.dispose]() {
      signals.off('SIGINT', on);
      signals.off('SIGTERM', on);
    },
  };
}
