import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { Readable } from 'node:stream';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** Scripts only from here; styles also inline, since the console's components write theirs into the page. */
const POLICY = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    'media-src data:',
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
};

const NOT_BUILT =
  '<!doctype html><title>Reeve</title><p>The console is not built. <code>npm start</code> builds it; the API is at <a href="/docs">/docs</a>.</p>';

/**
 * Serves the built console: hashed files with unlimited caching, and the page itself for every path that a browser
 * navigates to, since the console routes in the browser. Undefined for all other paths.
 */
export function serveConsole(directory: string): (request: Request) => Promise<Response | undefined> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    const path = normalize(safeDecode(pathname));
    if (extname(path) !== '') return serveFile(directory, path, request.method === 'HEAD');
    const wantsPage =
      pathname === '/' ||
      ((request.headers.get('accept') ?? '').includes('text/html') && !/^\/(api|assets|memory|v1)\//.test(pathname));
    return wantsPage ? servePage(directory) : undefined;
  };
}

/** `head`: without the content, since an unread file would stay open. */
async function serveFile(directory: string, path: string, head: boolean): Promise<Response | undefined> {
  const type = TYPES[extname(path)];
  const file = join(directory, path);
  if (type === undefined || !file.startsWith(directory)) return undefined;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
  const body = head ? null : (Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>);
  return new Response(body, {
    headers: { ...POLICY, 'content-type': type, 'content-length': String(found.size), 'cache-control': cache },
  });
}

async function servePage(directory: string): Promise<Response> {
  const page = await readFile(join(directory, 'index.html'), 'utf8').catch(() => undefined);
  return new Response(page ?? NOT_BUILT, {
    status: page === undefined ? 503 : 200,
    headers: { ...POLICY, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' },
  });
}

function safeDecode(pathname: string): string {
  try {
    return decodeURIComponent(pathname).replaceAll('\u0000', '');
  } catch {
    return '/';
  }
}
