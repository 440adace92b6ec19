/*
 * Reasoning that a server leaves in the text, between tags at its beginning
 *
 *   start ──<think>──► thinking ──</think>──► text
 *     └──anything else─────────────────────────▲
 *
 * White space behind either tag belongs to nothing.
 */

export interface Split {
  readonly type: 'thinking' | 'text';
  readonly delta: string;
}

export interface ThinkingTags {
  /** Takes the next piece of text; a piece that may be part of a tag waits for the next one. */
  push(delta: string): Split[];
  /** What still waits when the text ends. */
  end(): Split[];
}

const OPENINGS = ['<think>', '<thinking>', '<reasoning>'] as const;

export function openThinkingTags(): ThinkingTags {
  let state: 'start' | 'thinking' | 'text' = 'start';
  let isBehindTag = false;
  let closing = '';
  let held = '';

  function readOpening(): boolean {
    const begun = held.trimStart();
    const opening = OPENINGS.find((tag) => begun.startsWith(tag));
    if (opening !== undefined) {
      state = 'thinking';
      closing = opening.replace('<', '</');
      held = begun.slice(opening.length);
      isBehindTag = true;
      return true;
    }
    if (OPENINGS.some((tag) => tag.startsWith(begun))) return false;
    state = 'text';
    return true;
  }

  function skipSpace(): void {
    if (!isBehindTag) return;
    held = held.trimStart();
    isBehindTag = held === '';
  }

  function readThinking(): string {
    const at = held.indexOf(closing);
    const until = at >= 0 ? at : held.length - overlapOf(held, closing);
    const thinking = held.slice(0, until);
    held = held.slice(at >= 0 ? at + closing.length : until);
    if (at >= 0) {
      state = 'text';
      isBehindTag = true;
    }
    return thinking;
  }

  function take(): Split[] {
    const parts: Split[] = [];
    if (state === 'start' && !readOpening()) return parts;
    skipSpace();
    if (state === 'thinking') parts.push({ type: 'thinking', delta: readThinking() });
    skipSpace();
    if (state === 'text') {
      parts.push({ type: 'text', delta: held });
      held = '';
    }
    return parts.filter(({ delta }) => delta !== '');
  }

  return {
    push(delta) {
      held += delta;
      return take();
    },
    end() {
      const delta = held;
      held = '';
      return delta === '' ? [] : [{ type: state === 'thinking' ? 'thinking' : 'text', delta }];
    },
  };
}

/** Characters at the end of a text that may be the beginning of a word. */
export function overlapOf(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length -= 1)
    if (text.endsWith(word.slice(0, length))) return length;
  return 0;
}
