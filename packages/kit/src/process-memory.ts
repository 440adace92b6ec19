import { readFileSync } from 'node:fs';

const LOOK_MS = 100;

/**
 * Calls `exceeded` once when a process holds more than `limitMb` of memory, until disposed. Looks ten times a second, and
 * only where there is `/proc`; without a process or a limit it does nothing.
 */
export function watchMemory(pid: number | undefined, limitMb: number | undefined, exceeded: () => void): Disposable {
  if (pid === undefined || limitMb === undefined) return { [Symbol.dispose]: () => undefined };
  const timer = setInterval(() => {
    const held = residentBytes(pid);
    if (held !== undefined && held <= limitMb * 1_048_576) return;
    clearInterval(timer);
    if (held !== undefined) exceeded();
  }, LOOK_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function residentBytes(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1_024;
  } catch {
    return undefined;
  }
}
