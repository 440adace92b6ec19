import { hash } from 'node:crypto';

type Json = Record<string, unknown>;
interface Operation {
  readonly tags: string[];
  readonly summary: string;
  readonly description?: string;
  readonly 'x-reeve-role'?: string;
  readonly parameters: { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { content?: Record<string, { schema: Json }> }>;
}

/** The reference page of an OpenAPI document: one HTML file without script, in light and dark. */
export function referencePage(document: Json): string {
  const { info, paths, components } = document as unknown as {
    info: { title: string; version: string; description: string };
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Json> };
  };
  const sections = new Map<string, string[]>();
  const contents = new Map<string, string[]>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0] ?? 'Other';
      const anchor = `${method}${path}`.replace(/\W+/g, '-');
      sections.set(tag, [...(sections.get(tag) ?? []), operationHtml(method, path, operation, anchor)]);
      contents.set(tag, [
        ...(contents.get(tag) ?? []),
        `<li><a href="#${anchor}"><b class="${method}">${method.toUpperCase()}</b> ${escape(path)}</a></li>`,
      ]);
    }
  }
  const nav = [...contents].map(([tag, items]) => `<h2>${escape(tag)}</h2><ul>${items.join('')}</ul>`).join('');
  const main = [...sections].map(([tag, items]) => `<h2>${escape(tag)}</h2>${items.join('')}`).join('');
  const schemas = Object.entries(components.schemas)
    .map(
      ([name, schema]) =>
        `<details id="schema-${escape(name)}"><summary><code>${escape(name)}</code></summary>${code(schema)}</details>`,
    )
    .join('');
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(info.title)} ${escape(info.version)}</title><style>${STYLE}</style></head><body>
<nav aria-label="Routes"><h1>${escape(info.title)}</h1><p>${escape(info.version)} · <a href="/openapi.json">openapi.json</a> · <a href="/">console</a></p>${nav}</nav>
<main><p>${escape(info.description)}</p>${main}<h2>Schemas</h2>${schemas}</main></body></html>`;
}

function operationHtml(method: string, path: string, operation: Operation, anchor: string): string {
  const parameters = operation.parameters
    .map(
      ({ name, in: where, required, schema }) =>
        `<tr><td><code>${escape(name)}</code>${required ? ' *' : ''}</td><td>${where}</td><td>${typeOf(schema)}</td></tr>`,
    )
    .join('');
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const answers = Object.entries(operation.responses)
    .map(([status, { content = {} }]) => {
      const kinds = Object.entries(content).map(
        ([type, { schema }]) => `<p><code>${escape(type)}</code></p>${refOrCode(schema)}`,
      );
      return `<details><summary>${escape(status)}</summary>${kinds.join('') || '<p>No body.</p>'}</details>`;
    })
    .join('');
  return `<article id="${anchor}"><h3><b class="${method}">${method.toUpperCase()}</b> <code>${escape(path)}</code></h3>
<p>${escape(operation.summary)}. ${escape(operation.description ?? '')}</p><p class="role">${operation['x-reeve-role'] === undefined ? 'Public' : `Role: ${escape(operation['x-reeve-role'])}`}</p>
${parameters === '' ? '' : `<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th></tr></thead><tbody>${parameters}</tbody></table>`}
${body === undefined ? '' : `<h4>Body</h4>${refOrCode(body)}`}<h4>Answers</h4>${answers}</article>`;
}

function refOrCode(schema: Json): string {
  const ref = typeof schema['$ref'] === 'string' ? schema['$ref'].split('/').at(-1)! : undefined;
  return ref === undefined ? code(schema) : `<p><a href="#schema-${escape(ref)}"><code>${escape(ref)}</code></a></p>`;
}

function typeOf(schema: Json): string {
  const {
    type,
    enum: values,
    format,
    minimum,
    maximum,
    default: fallback,
    description,
  } = schema as Record<string, string | undefined> & { enum?: unknown[] };
  const parts = [
    values === undefined ? [type, format].filter(Boolean).join(', ') : (values as unknown[]).map(String).join(' | '),
  ];
  if (minimum !== undefined) parts.push(`${minimum} to ${maximum}`);
  if (fallback !== undefined) parts.push(`default ${fallback}`);
  if (description !== undefined) parts.push(description);
  return escape(parts.join('; '));
}

function code(value: unknown): string {
  return `<pre tabindex="0"><code>${escape(JSON.stringify(value, null, 2))}</code></pre>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--line:light-dark(#d8dbd6,#33403b);--soft:light-dark(#f4f6f3,#18211e);--accent:light-dark(#0b6b57,#5cc9ac)}
*{box-sizing:border-box}body{margin:0;font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:minmax(0,22rem) minmax(0,1fr)}
nav{height:100vh;position:sticky;top:0;overflow:auto;padding:1.5rem;border-right:1px solid var(--line);background:var(--soft);font-size:.85rem}
nav ul{list-style:none;padding:0}nav a{text-decoration:none;overflow-wrap:anywhere}main{padding:1.5rem 2.5rem;max-width:60rem}a{color:var(--accent)}
article{border-top:1px solid var(--line);padding:1rem 0}h2{margin-top:2rem}h3{font-size:1.05rem;overflow-wrap:anywhere}
pre{background:var(--soft);padding:1rem;overflow:auto;border-radius:8px;font-size:.8rem;max-height:30rem}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0}.role{font-size:.85rem;opacity:.8}b{font-size:.75em;color:var(--accent)}
@media(max-width:50rem){body{display:block}nav{height:auto;position:static;border-right:0}main{padding:1rem}}`;

/** What the page may load: the one style that is in it. */
export const REFERENCE_POLICY = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
