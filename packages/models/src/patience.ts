import { ReeveError } from '@reeve/kit';
import type { Limits } from './limits.ts';
import { startWatch } from './transport.ts';

/** How long one answer is waited for: until it begins, and while it is written. */
export interface Patience {
  /** The answer's headers are there; until then the transport's own limit holds. */
  onHeaders(): void;
  /** A byte came. */
  onByte(): void;
  /** A word of thinking, text or a tool call came. */
  onOutput(): void;
  /** Text or a tool call is being written, or is not any more. */
  onBlock(writing: boolean): void;
  stop(): void;
}

/** Calls `giveUp` with a `timeout` once the provider has taken longer than its limits allow. */
export function startPatience(provider: string, limits: Limits, giveUp: (error: ReeveError) => void): Patience {
  const { firstTokenMs, idleMs, thinkingMs } = limits;
  const late = (why: string, brokeOff: boolean) =>
    giveUp(new ReeveError('timeout', `${provider} ${why}`, { brokeOff }));
  const watch = startWatch(() => late('fell silent in the middle of its answer', true));
  const firstToken = setTimeout(
    () => late(`did not begin its answer within ${firstTokenMs} ms (LLM_FIRST_TOKEN_TIMEOUT_MS)`, false),
    firstTokenMs,
  ).unref();
  return {
    onHeaders: () => watch.allow(thinkingMs),
    onByte: watch.touch,
    onOutput: () => clearTimeout(firstToken),
    onBlock: (writing) => watch.allow(writing ? idleMs : thinkingMs),
    stop() {
      watch.stop();
      clearTimeout(firstToken);
    },
  };
}
