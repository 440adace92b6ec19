// Finds what a TypeScript file imports, without a parser: comments, strings, template literals and regular
// expressions are blanked first, so that code quoted in a test is not taken for an import.

export interface Import {
  specifier: string;
  line: number;
  isTypeOnly: boolean;
}

const statement = /(?:^|[;}\n])\s*(?:import|export)\s+(type\s)?(?:[\w*{][^;'"()=]*?[\s}]from\s*)?['"]([^'"\n]+)['"]/g;
const call = /\bimport\s*\(\s*['"]([^'"\n]+)['"]/g;

/** Every module that a source names in an import or export statement, an `import()` or a type `import('…')`. */
export function findImports(source: string): Import[] {
  const code = blank(source);
  const lineAt = (index: number): number => code.slice(0, index).split('\n').length;
  const found: Import[] = [];
  for (const match of code.matchAll(statement)) {
    const [text, type, specifier = ''] = match;
    found.push({ specifier, line: lineAt(match.index + text.length), isTypeOnly: type !== undefined });
  }
  for (const match of code.matchAll(call)) {
    found.push({ specifier: match[1] ?? '', line: lineAt(match.index), isTypeOnly: false });
  }
  return found;
}

const beforeSpecifier = /\b(?:from|import|import\s*\()\s*$/;

// One token at a time; what is kept: code, the strings that may name a module, and every line break.
const token =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`|(?<=(?:[=(,:;!&|?{}[\n]|return|=>)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;

function blank(source: string): string {
  let code = '';
  for (let at = 0; at < source.length;) {
    token.lastIndex = at;
    const found = token.exec(source)?.[0];
    if (found === undefined) {
      code += source[at];
      at += 1;
      continue;
    }
    const text = found === '`' ? source.slice(at, endOfTemplate(source, at + 1)) : found;
    code += /^['"]/.test(text) && beforeSpecifier.test(code.slice(-20)) ? text : text.replace(/[^\n]/g, ' ');
    at += text.length;
  }
  return code;
}

function endOfTemplate(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at += 1) {
    const here = source[at];
    if (here === '\\') at += 1;
    else if (depth === 0 && here === '`') return at + 1;
    else if (depth > 0 && here === '`') at = endOfTemplate(source, at + 1) - 1;
    else if (here === '$' && source[at + 1] === '{') {
      depth += 1;
      at += 1;
    } else if (depth > 0 && here === '{') depth += 1;
    else if (depth > 0 && here === '}') depth -= 1;
  }
  return source.length;
}
