import type { PlannedCall } from './call.ts';

const SHELL = /^(?:bash|sh|shell|zsh|console)$/i;
const JAVASCRIPT = /^(?:javascript|js|mjs|node|)$/i;
const RUN =
  /^(?:run|execute)\s+(?:this|the|that|a|some|my|following|\s){0,6}(?:(javascript|js|node|bash|shell|sh)\s+)?(?:(code|script|snippet|program|command|commands)\s*)?(?:here\s*)?(?::|(?=`)|(?<=commands?\s)(?=\S))/i;
const NOT_TO_RUN = /^(?:explain|review|describe|comment|what does|do not|don['’]?t)\b/i;

/** Code in a fence is a request to run it, unless the words before ask for something else. */
export function startsCode(head: string): boolean {
  return RUN.test(head) || (head.includes('```') && !NOT_TO_RUN.test(head));
}

/** Code in a fence, or behind "run this:", for the tool of its language; languages without a tool mean no call. */
export function readCode(piece: string): PlannedCall | undefined {
  const fence = readFence(piece);
  const run = RUN.exec(piece.slice(0, 160));
  const shellWords =
    run !== null && /^(?:bash|shell|sh)$/i.test(run[1] ?? '') ? true : /^commands?$/i.test(run?.[2] ?? '');
  if (fence !== undefined) {
    if (SHELL.test(fence.language) || (fence.language === '' && shellWords)) return shell(fence.code);
    return JAVASCRIPT.test(fence.language) ? javascript(fence.code) : undefined;
  }
  if (run === null) return undefined;
  const code = piece
    .slice(run[0].length)
    .trim()
    .replace(/^`([^`]*)`[.!]?$/, '$1')
    .trim();
  if (code === '') return undefined;
  return shellWords ? shell(code) : javascript(code);
}

/** The first fence of a text: the word behind its marks, and what is inside. */
export function readFence(text: string): { language: string; code: string } | undefined {
  const open = text.indexOf('```');
  if (open < 0) return undefined;
  const close = text.indexOf('```', open + 3);
  const inside = text.slice(open + 3, close < 0 ? undefined : close);
  const language = /^[\w+#.-]{0,20}/.exec(inside)![0];
  const behind = inside.slice(language.length);
  // On one line the word is the language only where code follows it: ```js 1 + 1```.
  if (
    !behind.startsWith('\n') &&
    !behind.startsWith('\r') &&
    (behind.trim() === '' || !/^ /.test(behind) || !isLanguage(language))
  ) {
    return { language: '', code: inside.trim() };
  }
  return { language, code: behind.trim() };
}

function isLanguage(word: string): boolean {
  return (
    word !== '' &&
    (SHELL.test(word) ||
      JAVASCRIPT.test(word) ||
      /^(?:python|py|typescript|ts|ruby|go|rust|sql|json|text)$/i.test(word))
  );
}

function javascript(code: string): PlannedCall {
  return { tool: 'run_code', input: { language: 'javascript', code } };
}

function shell(command: string): PlannedCall {
  return { tool: 'bash_execute', input: { command } };
}
