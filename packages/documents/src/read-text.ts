import type { BlockList } from './document.ts';

/** Reads plain text: what stands between blank lines is a paragraph. */
export function readText(text: string, list: BlockList): void {
  for (const { line, lines } of parts(text, () => true)) list.add({ kind: 'paragraph', text: lines.join('\n'), line });
}

/** Reads source code: a blank line before a line without indentation ends a block, unless that line closes a bracket. */
export function readCode(text: string, language: string | undefined, list: BlockList): void {
  for (const { line, lines } of parts(text, (next) => !/^[\s)\]}]/.test(next)))
    list.add({ kind: 'code', text: lines.join('\n'), line, ...(language !== undefined && { language }) });
}

/** Lines in parts, each with the number of its first line; `begins` tells whether the line after a blank one begins another. */
function* parts(
  text: string,
  begins: (line: string) => boolean,
): Generator<{ readonly line: number; readonly lines: readonly string[] }> {
  let [line, lines]: [number, string[]] = [1, []];
  let blank = false;
  for (const [index, next] of text.split('\n').entries()) {
    const isBlank = next.trim() === '';
    if (!isBlank && blank && lines.length > 0 && begins(next)) {
      yield { line, lines };
      lines = [];
    }
    if (lines.length === 0) line = index + 1;
    if (!isBlank || lines.length > 0) lines.push(next);
    blank = isBlank;
  }
  if (lines.length > 0) yield { line, lines };
}
