import { ReeveError, type Log } from '@reeve/kit';
import { createPerModel } from './calls/per-model.ts';
import { qualifiedName } from './model-name.ts';
import type { TokenUsage } from './model.ts';
import { isLocal, type CalledModel, type Target } from './targets.ts';

/** The context windows of models that the table of models does not have, as far as they are learnt. */
export interface Windows {
  /** In tokens of input and output together; undefined where it is not known. */
  of(target: CalledModel): number | undefined;
  /** Asks the model's server once in a while. Resolves when it has answered, or does not. Never rejects. */
  ask(target: Target): Promise<void>;
  /** Learns from an error that says how much the model holds. */
  learn(target: CalledModel, message: string): void;
  /**
   * `context_truncated` where a local server cut the prompt without a word: it reports far fewer tokens than were sent. Hosted
   * providers refuse such a prompt. `estimate` answers our estimate of what was sent. Learns the window from it.
   */
  errorOfCut(target: CalledModel, estimate: () => number, reported: TokenUsage): ReeveError | undefined;
}

interface Known {
  tokens: number | undefined;
  askAt: number;
  asking: Promise<void> | undefined;
}

export interface WindowParts {
  /** Asks the server of a model for its window, in tokens; undefined for one that cannot be asked. */
  readonly read: (target: CalledModel) => Promise<number | undefined> | undefined;
  readonly log: Log;
  readonly now?: () => number;
}

/** How long what a server said is believed, and how long one that says nothing is left alone: Ollama knows more once it has loaded the model. */
const ASK_AGAIN_MS = 600_000;
const ASK_SILENT_AGAIN_MS = 30_000;

/** Opens what is known of windows, which is nothing. */
export function createWindows({ read, log, now = () => performance.now() }: WindowParts): Windows {
  const known = createPerModel<Known>(
    () => ({ tokens: undefined, askAt: -Infinity, asking: undefined }),
    ({ asking }) => asking === undefined,
  );
  const keep = (target: CalledModel, entry: Known, tokens: number, source: string): void => {
    if (entry.tokens !== tokens)
      log.info({ model: qualifiedName(target), context_tokens: tokens, source }, 'learnt a context window');
    entry.tokens = tokens;
  };
  return {
    of: (target) => known.of(target).tokens,
    async ask(target) {
      const entry = known.of(target);
      if (entry.asking === undefined && now() >= entry.askAt) {
        entry.askAt = now() + ASK_SILENT_AGAIN_MS;
        entry.asking = read(target)
          ?.then((tokens) => {
            if (tokens === undefined) return;
            entry.askAt = now() + ASK_AGAIN_MS;
            keep(target, entry, tokens, 'the server');
          })
          .finally(() => (entry.asking = undefined));
      }
      await entry.asking;
    },
    learn(target, message) {
      const tokens = windowIn(message);
      if (tokens !== undefined) keep(target, known.of(target), tokens, 'an error of the server');
    },
    errorOfCut(target, estimate, reported) {
      if (!isLocal(target.provider) || reported.estimated) return undefined;
      const entry = known.of(target);
      const sent = estimate();
      const window = cutAt(sent, reported.inputTokens, entry.tokens);
      if (window === undefined) return undefined;
      keep(target, entry, window, 'a prompt that the server cut');
      return new ReeveError(
        'context_truncated',
        `${qualifiedName(target)} read ${reported.inputTokens} tokens of a prompt of about ${sent}: its server cut the rest without a word. ` +
          `Start the server with a larger context (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: --ctx-size), or send less`,
      );
    },
  };
}

/** Windows that servers are started with, from 2,048 to 131,072 tokens. */
const USUAL = Array.from({ length: 7 }, (_, power) => 2_048 * 2 ** power);

/**
 * The window at which a prompt was cut, in tokens; undefined where it was not. Our estimate is too high for text that repeats itself,
 * so half of it alone proves nothing: the prompt must not have fitted a known window, or what was read must fill a usual one.
 */
function cutAt(sent: number, read: number, known: number | undefined): number | undefined {
  if (read * 2 > sent) return undefined;
  if (known !== undefined && sent > known && read <= known) return known;
  return USUAL.find((window) => read <= window && read >= window * 0.95);
}

// llama.cpp's field, its sentence; OpenAI, vLLM and those like them; Anthropic.
const SAID: readonly RegExp[] = [
  /"?n_ctx"?\s*[:=]\s*(\d{3,9})/,
  /context size \((\d{3,9}) tokens\)/i,
  /(?:maximum context length|context window|context length)(?: is| of|:)\s*(?:only )?(\d{3,9})/i,
  />\s*(\d{3,9}) maximum/i,
];

/** The window that an error names, in tokens. */
export function windowIn(message: string): number | undefined {
  for (const pattern of SAID) {
    const found = pattern.exec(message)?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
}
