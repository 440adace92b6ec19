import { ReeveError } from '@reeve/kit';
import type { ProviderTimeouts } from './timeouts.ts';
import { startStallTimer } from './transport.ts';

/** The running timeouts of one answer: until its first token, and between its bytes. */
export interface AnswerTimeouts {
  /** The response headers arrived; the transport's own timeout covers the time before. */
  onHeaders(): void;
  /** A byte arrived. */
  onByte(): void;
  /** A token of reasoning, text or a tool call arrived. */
  onOutput(): void;
  /** The model starts (true) or stops (false) streaming text or a tool call. */
  onBlock(writing: boolean): void;
  stop(): void;
}

/** Starts the timeouts of one answer; calls `onTimeout` with a `timeout` error when one of them expires. */
export function startAnswerTimeouts(
  provider: string,
  timeouts: ProviderTimeouts,
  onTimeout: (error: ReeveError) => void,
): AnswerTimeouts {
  const { firstTokenMs, idleMs, thinkingMs } = timeouts;
  const expire = (why: string, brokeOff: boolean) =>
    onTimeout(new ReeveError('timeout', `${provider} ${why}`, { brokeOff }));
  const stall = startStallTimer(() => expire('fell silent in the middle of its answer', true));
  const firstToken = setTimeout(
    () => expire(`did not begin its answer within ${firstTokenMs} ms (LLM_FIRST_TOKEN_TIMEOUT_MS)`, false),
    firstTokenMs,
  ).unref();
  return {
    onHeaders: () => stall.setLimit(thinkingMs),
    onByte: stall.reset,
    onOutput: () => clearTimeout(firstToken),
    onBlock: (writing) => stall.setLimit(writing ? idleMs : thinkingMs),
    stop() {
      stall.stop();
      clearTimeout(firstToken);
    },
  };
}
