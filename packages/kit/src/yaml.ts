import { LineCounter, parseDocument, type Document } from 'yaml';

/** What is wrong in a file, and in which line, from 1. */
export interface FileProblem {
  readonly line: number;
  readonly message: string;
}

/** What a YAML text says, and where. */
export interface YamlText {
  /** Undefined where it cannot be read. */
  readonly value: unknown;
  /** Why it cannot be read. */
  readonly problems: readonly FileProblem[];
  /** The line of a field's name, or of the nearest field that contains it. */
  lineOf(path: readonly PropertyKey[]): number;
}

/** Reads YAML 1.2; never throws. */
export function readYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const at = positionOf(document, path.slice(0, length));
      if (at !== undefined) return lines.linePos(at).line;
    }
    return 1;
  };
  const problems = document.errors.map(({ pos, message }) => ({
    line: lines.linePos(pos[0]).line,
    message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
  }));
  if (problems.length > 0) return { value: undefined, problems, lineOf };
  try {
    return { value: document.toJS() as unknown, problems, lineOf };
  } catch (error) {
    // Aliases that stand for far too much are refused when they are followed.
    const message = error instanceof Error ? error.message : String(error);
    return { value: undefined, problems: [{ line: 1, message }], lineOf };
  }
}

function positionOf(document: Document, path: readonly PropertyKey[]): number | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const key = path.at(-1);
  const items = (parent as { items?: unknown } | null | undefined)?.items;
  if (!Array.isArray(items)) return undefined;
  // In a mapping the items are pairs, in a list the values themselves.
  const item = items.find((pair: Pair, index) =>
    pair.key === undefined ? index === key : String(pair.key.value) === key,
  ) as Pair | undefined;
  return (item?.key ?? item)?.range?.[0];
}

interface Pair {
  readonly key?: { readonly value?: string | number | boolean | null; readonly range?: readonly number[] };
  readonly range?: readonly number[];
}
