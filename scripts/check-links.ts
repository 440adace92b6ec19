// Keeps the pages true: a relative link in a Markdown page leads to a file that exists, its anchor to a heading, and a source file
// named in backticks exists. Run by `npm run check`; prints one line a fault and exits with 1.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, '..');
  const faults = listPages(root).flatMap((page) => checkPage(root, page));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
}

/** The Markdown pages that git tracks or would, relative to the repository. Fixtures of tests are no pages. */
function listPages(root: string): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: root });
  return listed
    .toString()
    .split('\n')
    .filter((path) => path !== '' && !/(^|\/)(test|fixtures|examples|knowledge_bases|builtin)\//.test(path))
    .filter((path) => existsSync(join(root, path)));
}

/** Every fault of one page, as `page:line what is wrong`. */
export function checkPage(root: string, page: string): string[] {
  const home = dirname(page);
  return proseOf(readFileSync(join(root, page), 'utf8')).flatMap((text, index) => {
    const faults = [
      ...linksOf(text).map((target) => checkLink(root, page, target)),
      ...sourcesOf(text).map((source) => checkSource(root, home, source)),
    ];
    return faults.filter((fault) => fault !== undefined).map((fault) => `${page}:${index + 1} ${fault}`);
  });
}

/** The lines of a page, those of fenced code empty. */
function proseOf(markdown: string): string[] {
  let isCode = false;
  return markdown.split('\n').map((line) => {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence) isCode = !isCode;
    return isCode || isFence ? '' : line;
  });
}

/** Targets of Markdown links and images, and of `src`, `srcset` and `href`; without addresses and routes of a server. */
function linksOf(text: string): string[] {
  const withoutCode = text.replace(/`[^`]*`/g, '');
  const found = [...withoutCode.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)];
  return found.map(([, link, attribute]) => link ?? attribute!).filter((target) => !/^([a-z]+:|\/)/i.test(target));
}

/** Source files named in backticks by a path through a folder `src` or `test`, such as `db/src/open.ts`. */
function sourcesOf(text: string): string[] {
  return [...text.matchAll(/`((?:[a-z0-9-]+\/)*(?:src|test)\/[\w./-]+\.(?:tsx?|sql|mjs))`/g)].map(([, path]) => path!);
}

function checkLink(root: string, page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, file))) return `links to ${target}, which does not exist`;
  if (anchor === undefined || anchor === '' || !file.endsWith('.md') || statSync(join(root, file)).isDirectory())
    return undefined;
  const anchors = anchorsOf(readFileSync(join(root, file), 'utf8'));
  return anchors.has(anchor) ? undefined : `links to ${target}, but ${file} has no such heading`;
}

function checkSource(root: string, home: string, source: string): string | undefined {
  // Outside of a package's own page such a path means one in any package.
  if (/^(src|test)\//.test(source) && !home.startsWith('packages/')) return undefined;
  const places = [source, join('packages', source), join(home, source)];
  return places.some((place) => existsSync(join(root, place))) ? undefined : `names ${source}, which does not exist`;
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseOf(markdown)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const base = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = base;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${base}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}
