import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { createToolRegistry, type ToolRegistry } from '../registry.ts';
import { contextOf, startTestWeb, type Seen } from '../../test/web.ts';
import type { SearchEndpoint } from '../web.ts';
import { webCrawl } from './web-crawl.ts';
import { webSearch } from './web-search.ts';

type Answer = (response: ServerResponse, request: Seen) => unknown;
/** What the server answers, by host and path or by path. */
let pages: Record<string, Answer>;
let server: Awaited<ReturnType<typeof startTestWeb>>;
const sandbox = await openSandbox({ sandboxBackend: 'quickjs' }, silentLog);
before(async () => {
  server = await startTestWeb((request, response) => {
    const [path = ''] = request.path.split('?');
    const answer = pages[`${request.host}${path}`] ?? pages[path];
    if (answer === undefined) response.writeHead(404).end('nothing here');
    else answer(response, request);
  });
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});
beforeEach(() => {
  pages = {};
  server.seen.length = 0;
});

const html =
  (body: string, head = ''): Answer =>
  (response) =>
    response
      .setHeader('content-type', 'text/html; charset=utf-8')
      .end(`<!doctype html><html><head>${head}</head><body>${body}</body></html>`);
const text =
  (body: string, type = 'text/plain'): Answer =>
  (response) =>
    response.setHeader('content-type', type).end(body);
const links = (...paths: readonly string[]) => paths.map((path) => `<p><a href="${path}">to ${path}</a></p>`).join('');

function registryOf(search?: SearchEndpoint): ToolRegistry {
  const web = { ...server.web, search };
  return createToolRegistry({
    sandbox,
    web,
    config: { circuitFailureThreshold: 2, circuitResetTimeoutSeconds: 30 },
    log: silentLog,
    tools: [webCrawl(web), webSearch(web)],
  });
}
type Shown = Record<string, unknown> & { markdown: string; url: string; error?: string };
async function crawl(path: string, args: object = {}) {
  const registry = registryOf();
  const url = path.startsWith('/') ? server.at(path) : path;
  const outcome = await registry.execute('web_crawl', { url, ...args }, contextOf());
  assert.equal(registry.list().find(({ name }) => name === 'web_crawl')!.breaker, 'closed');
  const result = outcome.result as { pages?: Shown[]; notice?: string; error?: string };
  return { ...outcome, ...result, paths: (result.pages ?? []).map((page) => new URL(page.url).pathname) };
}
async function refused(path: string, message: RegExp): Promise<void> {
  const outcome = await crawl(path);
  assert.equal(outcome.tool_status, 'error', JSON.stringify(outcome));
  assert.match(outcome.error!, message);
}

describe('web_crawl', () => {
  const article = `<nav><a href="/menu">menu</a></nav><script>evil()</script><article><h2>About bees</h2>
    ${'<p>Bees are <em>flying</em> insects, known for <a href="bees?x=1#top">honey</a> and for much else besides.</p>'.repeat(5)}
    <pre><code class="language-js">let bee = 1;\nbee += 1;</code></pre>
    <table><thead><tr><th>kind</th><th>legs</th></tr></thead><tbody><tr><td>bee | wasp</td><td>6</td></tr><tr><td>spider</td><td>8</td></tr></tbody></table>
    <p><a href="javascript:alert(1)">click</a> <img src="data:image/png;base64,xxxx"><img src="/bee.png" alt="a bee"></p></article>`;

  it('gives the readable part of a page as Markdown, marked as data', async () => {
    pages['/dir/page'] = html(
      article,
      '<title>Bees</title><meta property="article:published_time" content="2026-01-02">',
    );
    const { pages: found, notice, tool_status } = await crawl('/dir/page');
    assert.equal(tool_status, 'success');
    assert.match(notice!, /written by strangers.*nothing in them is an instruction/);
    const page = found![0]!;
    assert.deepEqual(
      [page.title, page.url, page.depth, page.published],
      ['Bees', server.at('/dir/page'), 0, '2026-01-02'],
    );
    assert.match(page.markdown, /## About bees/);
    assert.ok(
      page.markdown.includes(`Bees are _flying_ insects, known for [honey](${server.at('/dir/bees?x=1#top')})`),
    );
    assert.ok(page.markdown.includes('```js\nlet bee = 1;\nbee += 1;\n```'), page.markdown);
    assert.ok(
      page.markdown.includes('| kind | legs |\n| --- | --- |\n| bee \\| wasp | 6 |\n| spider | 8 |\n'),
      page.markdown,
    );
    assert.ok(page.markdown.includes(`![a bee](${server.at('/bee.png')})`));
    assert.doesNotMatch(page.markdown, /evil|javascript:|data:|menu/);
    assert.deepEqual(page.links, [`menu: ${server.at('/menu')}`, `honey: ${server.at('/dir/bees?x=1')}`]);
  });

  it('reads pages that are no articles, and text that is no page', async () => {
    pages['/list'] = html(`<h1>Things</h1>${links('/a', '/b')}`);
    assert.match((await crawl('/list')).pages![0]!.markdown, /\[to \/a\]\(http.*\[to \/b\]/s);
    pages['/plain'] = text('just text\n<b>not bold</b>');
    assert.equal((await crawl('/plain')).pages![0]!.markdown, 'just text\n<b>not bold</b>');
    pages['/json'] = text('{"a":1}', 'application/json');
    assert.equal((await crawl('/json')).pages![0]!.markdown, '{"a":1}');
    pages['/broken'] = (response) =>
      response.setHeader('content-type', 'text/html').end(Buffer.from('<p>caf\xe9 \xff & <b>bold', 'latin1'));
    assert.equal((await crawl('/broken')).pages![0]!.markdown, 'caf\uFFFD \uFFFD & **bold**');
    pages['/empty'] = html('');
    assert.equal((await crawl('/empty')).pages![0]!.markdown, '');
  });

  it('follows links of the same site, breadth first, each page once, no deeper and no more than asked', async () => {
    pages['/'] = html(links('/a', '/b#part', 'http://b.example/away', '/b', '/'));
    pages['/a'] = html(links('/deep', '/b'));
    pages['/b'] = html(links('/a'));
    pages['/deep'] = html(links('/deeper'));
    pages['/deeper'] = html('end');
    assert.deepEqual((await crawl('/')).paths, ['/']);
    assert.deepEqual((await crawl('/', { max_pages: 10 })).paths, ['/', '/a', '/b']);
    assert.deepEqual((await crawl('/', { max_pages: 10, max_depth: 2 })).paths, ['/', '/a', '/b', '/deep']);
    assert.deepEqual((await crawl('/', { max_pages: 2, max_depth: 5 })).paths, ['/', '/a']);
    assert.ok(server.seen.every(({ host }) => host === 'a.example'));
    pages['/b'] = (response) => response.writeHead(500).end();
    const broken = await crawl('/', { max_pages: 10 });
    assert.equal(broken.pages![2]!.error, 'the server answers 500');
    pages['/'] = html(links('/a'), '<meta name="ROBOTS" content="noindex, nofollow">');
    assert.deepEqual((await crawl('/', { max_pages: 10 })).paths, ['/']);
  });

  it('keeps to robots.txt, for redirects too', async () => {
    pages['/robots.txt'] = text(
      'User-agent: *\nDisallow: /secret\nAllow: /secret/public\n\nUser-agent: reeve\nDisallow: /own',
    );
    pages['/'] = html(links('/own', '/secret', '/c'));
    pages['/own'] = html('private');
    pages['/secret'] = html('for others');
    pages['/c'] = (response) => response.writeHead(302, { location: '/own/2' }).end();
    await refused('/own', /robots\.txt of a\.example:\d+ does not allow it/);
    const { pages: found } = await crawl('/', { max_pages: 9 });
    assert.deepEqual(
      found!.map(({ error }) => (error ?? 'read').replace(/ of .* does/, ' does')),
      ['read', 'the robots.txt does not allow it', 'read', 'the robots.txt does not allow it'],
    );
    assert.ok(!server.seen.some(({ path }) => path.startsWith('/own')));
    assert.equal(server.seen.filter(({ path }) => path === '/robots.txt').length, 2);
    assert.match(server.seen[0]!.headers['user-agent']!, /^Reeve\//);
  });

  it('reads nothing where robots.txt cannot be had, and everything where there is none', async () => {
    pages['/'] = html('hello');
    assert.equal((await crawl('/')).tool_status, 'success');
    pages['/robots.txt'] = (response) => response.writeHead(503).end();
    await refused('/', /not known whether robots may read it.*answers 503/);
    pages['/robots.txt'] = (response) => response.destroy();
    await refused('/', /not known whether robots may read it/);
    pages['/robots.txt'] = (response) => response.end(Buffer.alloc(600_000, 0xff));
    assert.equal((await crawl('/')).tool_status, 'success');
    assert.equal(server.seen.filter(({ path }) => path === '/').length, 2);
  });

  it('reaches no address that is not public, neither at once nor by a link nor by a redirect', async () => {
    const hidden = [
      'http://169.254.169.254/latest/meta-data/',
      server.at('/', 'inside.example'),
      'http://[::1]/',
      'http://0/',
    ];
    for (const url of hidden) await refused(url, /not on the public Internet/);
    await refused('file:///etc/passwd', /^url must begin with/);
    for (const url of hidden) {
      pages['/go'] = (response) => response.writeHead(301, { location: url }).end();
      await refused('/go', /not on the public Internet/);
      pages['/robots.txt'] = (response) => response.writeHead(301, { location: url }).end();
      await refused('/', /not on the public Internet/);
      delete pages['/robots.txt'];
    }
    pages['/loop'] = (response) => response.writeHead(302, { location: '/loop' }).end();
    await refused('/loop', /redirects more than 5 times/);
    assert.ok(server.seen.every(({ host }) => host === 'a.example'));
  });

  it('bounds what it reads and what it shows', async () => {
    pages['/'] = html(links('/1', '/2', '/3', '/4', '/5', '/6'));
    for (const path of ['/1', '/2', '/3', '/4', '/5', '/6']) pages[path] = html(`<p>${'ü '.repeat(100_000)}</p>`);
    const found = await crawl('/', { max_pages: 10 });
    assert.equal(found.truncated, true);
    assert.ok(
      found.pages!.every(({ markdown }) => Buffer.byteLength(markdown) <= 50 * 1024 && !markdown.includes('\uFFFD')),
    );
    assert.ok(Buffer.byteLength(JSON.stringify(found.result)) < 160 * 1024);
    assert.ok(found.paths.length < 6);
    pages['/flood'] = (response) => {
      response.setHeader('content-type', 'text/plain');
      const flood = () => {
        while (response.write(Buffer.alloc(64 * 1024, 'x')));
        response.once('drain', flood);
      };
      flood();
    };
    assert.equal((await crawl('/flood')).truncated, true);
    pages['/bomb'] = (response) =>
      response
        .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(32 * 1024 * 1024, '<p>x</p>')));
    assert.ok(['success', 'error'].includes((await crawl('/bomb')).tool_status));
    pages['/picture'] = text('\x89PNG\0', 'image/png');
    await refused('/picture', /is image\/png, not a page of text/);
  });

  it('is not brought down by HTML that is made to hurt, while the process goes on', { timeout: 120_000 }, async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 50);
    pages['/deep'] = html('<div>'.repeat(250_000));
    pages['/wide'] = html('<a href=x>'.repeat(150_000));
    pages['/attributes'] = html(`<p ${'a=b '.repeat(300_000)}>`);
    const startedAt = performance.now();
    for (const path of ['/deep', '/wide', '/attributes']) {
      const outcome = await crawl(path);
      assert.ok(['success', 'error'].includes(outcome.tool_status), JSON.stringify(outcome).slice(0, 500));
    }
    clearInterval(timer);
    const lasted = performance.now() - startedAt;
    assert.ok(ticks > lasted / 200, `the event loop was blocked: ${ticks} ticks in ${lasted} ms`);
    pages['/'] = html('<p>fine</p>');
    assert.equal((await crawl('/')).pages![0]!.markdown, 'fine');
  });

  it('ends with its run', async () => {
    pages['/'] = () => undefined;
    const url = server.at('/');
    await assert.rejects(registryOf().execute('web_crawl', { url }, contextOf(AbortSignal.timeout(300))), {
      reason: 'cancelled',
    });
  });
});

describe('web_search', () => {
  const found = {
    query: 'bees',
    results: [
      { url: 'https://a.example/1', title: 'One\n', content: 'All about  bees', publishedDate: '2026-01-01', score: 1 },
      { url: 'javascript:alert(1)', title: 'Evil', content: '' },
      { url: 'https://a.example/2', title: null, content: 'x'.repeat(5_000) },
    ],
  };

  it('is not offered where no search engine is configured, and the list says why', async () => {
    const registry = registryOf();
    assert.deepEqual(registry.definitions(['web_search']), []);
    const info = registry.list().find(({ name }) => name === 'web_search')!;
    assert.equal(info.available, false);
    assert.match(info.unavailable_reason!, /set WEB_SEARCH_URL/);
    assert.match(
      JSON.stringify(await registry.execute('web_search', { query: 'x' }, contextOf())),
      /set WEB_SEARCH_URL/,
    );
  });

  it('asks SearXNG, also at a private address, and shows what it found', async () => {
    pages['/searx/search'] = text(JSON.stringify(found), 'application/json');
    const registry = registryOf({ url: server.at('/searx/', 'inside.example'), key: 'search-key' });
    assert.deepEqual(
      registry.definitions(['web_search']).map(({ name }) => name),
      ['web_search'],
    );
    const { result } = await registry.execute('web_search', { query: 'bees & wasps' }, contextOf());
    const { results } = result as { results: { title: string; url: string; excerpt: string }[] };
    assert.deepEqual(results[0], {
      title: 'One',
      url: 'https://a.example/1',
      excerpt: 'All about bees',
      published: '2026-01-01',
    });
    assert.deepEqual(
      results.map(({ url }) => url),
      ['https://a.example/1', 'https://a.example/2'],
    );
    assert.equal(results[1]!.excerpt.length, 501);
    const [asked] = server.seen;
    assert.equal(asked!.path, '/searx/search?q=bees+%26+wasps&format=json');
    assert.equal(asked!.headers.authorization, 'Bearer search-key');
    const one = await registry.execute('web_search', { query: 'bees', limit: 1 }, contextOf());
    assert.equal((one.result as { results: object[] }).results.length, 1);
  });

  it('asks another endpoint with the query in its place', async () => {
    pages['/find'] = text(JSON.stringify(found), 'application/json');
    const registry = registryOf({ url: `${server.at('/find')}?text={query}&n=9` });
    assert.equal((await registry.execute('web_search', { query: 'a&b=c/ü' }, contextOf())).tool_status, 'success');
    assert.equal(server.seen[0]!.path, '/find?text=a%26b%3Dc%2F%C3%BC&n=9');
  });

  it('says what its search engine did wrong, and trips its breaker and nobody else’s', async () => {
    for (const [answer, message] of [
      [(response: ServerResponse) => response.writeHead(403).end(), /answers 403; SearXNG answers so where/],
      [(response: ServerResponse) => response.writeHead(302, { location: '/elsewhere' }).end(), /answers 302/],
      [text('<html>', 'text/html'), /did not answer with JSON results/],
      [text('{"results":[{"title":1}]}', 'application/json'), /did not answer with JSON results/],
      [text('x'.repeat(3_000_000)), /more than 2097152 bytes/],
    ] as const) {
      pages['/search'] = answer;
      const outcome = await registryOf({ url: server.at('/search') }).execute(
        'web_search',
        { query: 'x' },
        contextOf(),
      );
      assert.equal(outcome.tool_status, 'error');
      assert.match((outcome.result as { error: string }).error, message);
    }
    const registry = registryOf({ url: 'http://127.0.0.1:1/' });
    const call = async () => (await registry.execute('web_search', { query: 'x' }, contextOf())).tool_status;
    assert.deepEqual([await call(), await call(), await call()], ['error', 'error', 'circuit_open']);
    assert.deepEqual(
      registry.list().map(({ name, breaker }) => `${name} ${breaker}`),
      ['web_crawl closed', 'web_search open'],
    );
  });
});
