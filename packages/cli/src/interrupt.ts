/**
 * Calls `hear` at the first SIGINT or SIGTERM, with the exit code it means; a second one ends the process at once.
 * Disposing leaves signals to their usual effect again.
 */
export function onInterrupt(hear: (exitCode: number) => void): Disposable {
  let heard = false;
  const on = (signal: NodeJS.Signals) => {
    const code = signal === 'SIGTERM' ? 143 : 130;
    if (heard) process.exit(code);
    heard = true;
    hear(code);
  };
  process.on('SIGINT', on).on('SIGTERM', on);
  return {
    [Symbol.dispose]() {
      process.off('SIGINT', on).off('SIGTERM', on);
    },
  };
}
