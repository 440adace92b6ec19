import { PREVIOUS_RESULT, type PlannedCall } from './call.ts';
import { readFence } from './code.ts';
import { trimEnds, unquote } from './words.ts';

const WRITE = /^(?:write|create|make|save|put)\s(?=[^\n]{0,150}(?:\bfile\b|[\w/-]\.[a-z0-9]{1,8}\b))/i;
const READ =
  /^(?:read|show(?: me)?|open|display|print|cat|view|what(?:['’]?s| is)(?: written)? in)\s+(?:me\s+)?(?:the\s+)?(?:(?:contents?|text) of\s+)?(?:the\s+)?(file\s+)?(?:called\s+|named\s+)?/i;
const READ_AGAIN = /^(?:read|show(?: me)?|print|display) (?:it|that file|the file)(?: back| again| to me)?[.!?]?$/i;
const EDIT = /^(?:replace|change|substitute)\s(?=[^\n]{0,150}\s(?:with|to|by)\s)/i;
const EDIT_IN = /^in (?:the )?(?:file )?(\S{1,200}),? (?=(?:replace|change|substitute)\s)/i;
const GLOB =
  /^(?:list|find|show(?: me)?|which|what)\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+|my\s+)?(?:[^\s?]{1,40}\s+)?files\b/i;

export function startsWrite(head: string): boolean {
  return WRITE.test(head);
}

/** "write file a.txt with content …", "create a file b.md containing …", "save … to c.txt". */
export function readWrite(piece: string, before: readonly PlannedCall[]): PlannedCall | undefined {
  const body = piece.replace(/^\S+\s+/, '');
  const intro =
    /^(?:(?:me|us|to|into|in|a|an|the|new|empty|text)\s+){0,5}(file\s+)?(?:(?:called|named|at|as)\s+)?/i.exec(body)!;
  const path = readPath(body.slice(intro[0].length));
  if (path !== undefined && (intro[1] !== undefined || looksLikePath(path.text))) {
    const rest = body.slice(intro[0].length + path.length);
    const lead =
      /^\s*,?\s*(?:(?:with|containing|that contains|that says|which contains|which says|saying|and (?:put|write)(?: in it)?)\b\s*)?(?:(?:the\s+)?(?:following\s+)?(?:contents?|text|words?)\b\s*(?:of\s+)?)?(?:in it)?\s*:?/i.exec(
        rest,
      )!;
    return write(path.text, rest.slice(lead[0].length), before);
  }
  // "save <text> to <path>": the path is behind the last such word.
  const to = /\s(?:to|into|in|as)\s+(?:the\s+|a\s+)?(?:new\s+)?(?:file\s+)?(?:called\s+|named\s+)?(\S{1,300})$/i.exec(
    body.slice(-400),
  );
  const target = to === null ? undefined : unquote(trimEnds(to[1]!));
  if (to === null || target === undefined || !looksLikePath(target)) return undefined;
  return write(target, body.slice(0, body.length - to[0].length), before);
}

function write(path: string, text: string, before: readonly PlannedCall[]): PlannedCall {
  const fence = readFence(text);
  const content = fence?.code ?? unquote(text.trim());
  const previous =
    before.length > 0 && /^(?:(?:the|its|that|this) )?(?:result|answer|output|it)$/i.test(content.slice(0, 40));
  return { tool: 'write_file', input: { path, content: previous ? PREVIOUS_RESULT : content } };
}

export function startsRead(head: string): boolean {
  if (READ_AGAIN.test(head.split(/[\n;]/, 1)[0]!.trim())) return true;
  const match = READ.exec(head);
  if (match === null) return false;
  const path = readPath(head.slice(match[0].length));
  return path !== undefined && (looksLikePath(path.text) || (match[1] !== undefined && /^[\w.-]+$/.test(path.text)));
}

/** "read the file a.txt", "show me a.txt"; "read it" means the file of the plan so far. */
export function readRead(piece: string, before: readonly PlannedCall[]): PlannedCall | undefined {
  if (READ_AGAIN.test(piece.slice(0, 80))) {
    const last = before.findLast(({ input }) => typeof input.path === 'string')?.input.path;
    return last === undefined ? undefined : { tool: 'read_file', input: { path: last } };
  }
  const path = readPath(piece.slice(READ.exec(piece.slice(0, 160))?.[0].length ?? 0));
  return path === undefined ? undefined : { tool: 'read_file', input: { path: path.text } };
}

export function startsEdit(head: string): boolean {
  return EDIT.test(head) || EDIT_IN.test(head);
}

/** "replace X with Y in a.txt", "in a.txt replace X with Y". */
export function readEdit(piece: string): PlannedCall | undefined {
  const first = EDIT_IN.exec(piece.slice(0, 400));
  let body = piece.slice(first?.[0].length ?? 0);
  const joint = /^replace/i.test(body) ? ' with ' : / with /i.test(body.slice(0, 400)) ? ' with ' : ' to ';
  body = body.replace(/^\S+\s+/, '');
  let path = first === null ? undefined : unquote(trimEnds(first[1]!));
  if (path === undefined) {
    const tail = body.slice(-400);
    const at = tail.toLowerCase().lastIndexOf(' in ');
    if (at < 0) return undefined;
    path = readPath(tail.slice(at + 4).replace(/^(?:the )?(?:file )?/i, ''))?.text;
    body = body.slice(0, body.length - tail.length + at);
  }
  const [old_text, new_text] = cutAt(body.trim(), joint);
  if (path === undefined || new_text === undefined || old_text === '') return undefined;
  return { tool: 'edit_file', input: { path, old_text: unquote(old_text), new_text: unquote(new_text) } };
}

export function startsGlob(head: string): boolean {
  return GLOB.test(head);
}

/** "list files", "list files matching *.md", "which files are there". */
export function readGlob(piece: string): PlannedCall {
  const text = piece.slice(0, 400);
  const pattern =
    /[\w./-]{0,80}\*[\w.*/{},?-]{0,80}/.exec(text)?.[0] ??
    /\b(?:matching|named|called|like)\s+[`"']?([^\s`"']{1,200})/i.exec(text)?.[1];
  const folder = /\bin (?:the )?(?:folder |directory )?[`"']?([\w.-]{1,80}(?:\/[\w.-]{1,80}){0,8})\/?/i.exec(text)?.[1];
  const ending = /(?:^|\s)\.?([a-z0-9]{1,5}) files\b/i.exec(text)?.[1]?.toLowerCase();
  const known = ending !== undefined && ENDINGS.has(ending) ? `**/*.${ending}` : '**/*';
  const within = folder === undefined || /^(?:the|my|this|workspace|total|it|here)$/i.test(folder) ? '' : `${folder}/`;
  return { tool: 'glob_files', input: { pattern: pattern === undefined ? within + known : trimEnds(pattern) } };
}

const ENDINGS: ReadonlySet<string> = new Set([
  'md',
  'txt',
  'js',
  'ts',
  'json',
  'csv',
  'html',
  'css',
  'yaml',
  'yml',
  'py',
  'sh',
  'log',
]);

/** A path at the start of a text: quoted, or up to the next space. `length` counts the quotes. */
function readPath(text: string): { text: string; length: number } | undefined {
  const quoted = /^(["'`])([^"'`\n]{1,300})\1/.exec(text);
  if (quoted !== null) return { text: quoted[2]!, length: quoted[0].length };
  const plain = /^[^\s"'`,;:]{1,300}/.exec(text)?.[0].replace(/[.?!)]+$/, '');
  return plain === undefined || plain === '' ? undefined : { text: plain, length: plain.length };
}

function looksLikePath(text: string): boolean {
  return /^[\w@.~/\\-]+$/.test(text) && (/[\w-]\.[a-z0-9]{1,8}$/i.test(text) || text.includes('/'));
}

/** Cuts at the first joint outside a leading quotation. */
function cutAt(text: string, joint: string): [string, string | undefined] {
  const quote = /^["'`“]/.exec(text)?.[0];
  const close = quote === undefined ? 0 : Math.max(0, text.indexOf(quote === '“' ? '”' : quote, 1));
  const at = text.toLowerCase().indexOf(joint, close);
  return at < 0 ? [text, undefined] : [text.slice(0, at).trim(), text.slice(at + joint.length).trim()];
}
