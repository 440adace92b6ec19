import { Unreadable } from './document.ts';

export type FormatName = 'markdown' | 'text' | 'html' | 'pdf' | 'docx' | 'csv' | 'json' | 'json_lines' | 'code';

/** A kind of file that can be read. */
export interface Format {
  readonly name: FormatName;
  /** The first is what a document of the format is said to be. */
  readonly mediaTypes: readonly string[];
  /** Endings of names, in lower case and without the dot. */
  readonly extensions: readonly string[];
}

/** Languages of code by the endings of their files. */
const LANGUAGES: Readonly<Record<string, readonly string[]>> = {
  bash: ['sh', 'bash', 'zsh'],
  c: ['c', 'h'],
  clojure: ['clj'],
  cpp: ['cc', 'cpp', 'cxx', 'hpp', 'hh'],
  csharp: ['cs'],
  css: ['css', 'scss', 'less'],
  dart: ['dart'],
  dockerfile: ['dockerfile'],
  elixir: ['ex', 'exs'],
  erlang: ['erl'],
  go: ['go'],
  graphql: ['graphql', 'gql'],
  haskell: ['hs'],
  ini: ['ini', 'cfg', 'conf', 'properties'],
  java: ['java'],
  javascript: ['js', 'mjs', 'cjs', 'jsx'],
  julia: ['jl'],
  kotlin: ['kt', 'kts'],
  lua: ['lua'],
  makefile: ['makefile', 'mk'],
  perl: ['pl', 'pm'],
  php: ['php'],
  powershell: ['ps1'],
  protobuf: ['proto'],
  python: ['py', 'pyi'],
  r: ['r'],
  ruby: ['rb'],
  rust: ['rs'],
  scala: ['scala'],
  sql: ['sql'],
  swift: ['swift'],
  terraform: ['tf'],
  toml: ['toml'],
  typescript: ['ts', 'mts', 'cts', 'tsx'],
  vue: ['vue', 'svelte'],
  xml: ['xml', 'xsd', 'svg'],
  yaml: ['yaml', 'yml'],
  zig: ['zig'],
};

const FORMATS: readonly Format[] = [
  {
    name: 'markdown',
    mediaTypes: ['text/markdown', 'text/x-markdown'],
    extensions: ['md', 'markdown', 'mdown', 'mkd', 'mdx'],
  },
  { name: 'text', mediaTypes: ['text/plain'], extensions: ['txt', 'text', 'log', 'rst', 'adoc', 'org', 'srt', 'vtt'] },
  { name: 'html', mediaTypes: ['text/html', 'application/xhtml+xml'], extensions: ['html', 'htm', 'xhtml'] },
  { name: 'pdf', mediaTypes: ['application/pdf', 'application/x-pdf'], extensions: ['pdf'] },
  {
    name: 'docx',
    mediaTypes: ['application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
    extensions: ['docx'],
  },
  { name: 'csv', mediaTypes: ['text/csv', 'text/tab-separated-values', 'application/csv'], extensions: ['csv', 'tsv'] },
  { name: 'json', mediaTypes: ['application/json', 'text/json'], extensions: ['json', 'geojson', 'ipynb'] },
  {
    name: 'json_lines',
    mediaTypes: ['application/x-ndjson', 'application/jsonl', 'application/x-jsonlines'],
    extensions: ['jsonl', 'ndjson'],
  },
  {
    name: 'code',
    mediaTypes: ['text/x-source', 'text/javascript', 'text/css', 'text/xml', 'application/xml', 'application/yaml'],
    extensions: Object.values(LANGUAGES).flat(),
  },
];

/** What can be read: a media type for each format, with the endings of its files. For messages and file choosers. */
export function mediaTypesOf(): readonly { readonly mediaType: string; readonly extensions: readonly string[] }[] {
  return FORMATS.map(({ mediaTypes, extensions }) => ({ mediaType: mediaTypes[0]!, extensions }));
}

/**
 * The format of a file: by its media type where that says more than that it is bytes or text, then by the ending of its name;
 * what has neither is taken for text. Throws `Unreadable` for what cannot be read.
 */
export function formatOf(name: string, mediaType = ''): Format {
  const named = mediaType.split(';', 1)[0]!.trim().toLowerCase();
  const ending = extensionOf(name);
  const byType = FORMATS.find(({ mediaTypes }) => mediaTypes.includes(named));
  if (byType !== undefined && byType.name !== 'text') return byType;
  const byEnding = FORMATS.find(({ extensions }) => extensions.includes(ending));
  if (byEnding !== undefined) return byEnding;
  const isAnything = named === '' || named === 'application/octet-stream';
  if (named.startsWith('text/') || (isAnything && ending === '')) return FORMATS.find((one) => one.name === 'text')!;
  const what = isAnything ? `files ending in .${ending}` : `files of the type ${named}`;
  if (ending === 'doc') throw new Unreadable('it is in the old format of Word; save it as .docx');
  throw new Unreadable(
    `${what} are not among those that can be read: Markdown, text, HTML, PDF, DOCX, CSV, JSON, JSON Lines, source code`,
  );
}

/** The language of a source file by its name; undefined where it is not known. */
export function languageOf(name: string): string | undefined {
  const ending = extensionOf(name);
  return Object.entries(LANGUAGES).find(([, endings]) => endings.includes(ending))?.[0];
}

/** The ending in lower case, empty without one; `Makefile` and `Dockerfile` are their own. */
function extensionOf(name: string): string {
  const base = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1).toLowerCase();
  if (base === 'makefile' || base === 'dockerfile') return base;
  const dot = base.lastIndexOf('.');
  return dot <= 0 ? '' : base.slice(dot + 1);
}

/** True where the name alone says that a file can be read. */
export function canRead(name: string): boolean {
  try {
    return formatOf(name) !== undefined;
  } catch {
    return false;
  }
}
