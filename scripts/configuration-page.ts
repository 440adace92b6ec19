// Keeps docs/configuration.md equal to the settings of the packages. Run by `npm run check`, which fails where the page is
// stale; `npm run check -- --fix` writes it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { databaseSettings } from '../packages/db/src/config.ts';
import { extensionSettings } from '../packages/extensions/src/config.ts';
import { gatewaySettings } from '../packages/gateway/src/config.ts';
import { httpSettings } from '../packages/http/src/config.ts';
import { identitySettings } from '../packages/identity/src/config.ts';
import type { Setting, Settings } from '../packages/kit/src/config.ts';
import { limitSettings } from '../packages/limits/src/config.ts';
import { mcpSettings } from '../packages/mcp/src/config.ts';
import { memorySettings } from '../packages/memory/src/config.ts';
import { modelSettings } from '../packages/models/src/config.ts';
import { tlsSettings } from '../packages/rpc/src/config.ts';
import { sandboxSettings, workspaceSettings } from '../packages/sandbox/src/config.ts';
import { processSettings, ROLES, settings as allSettings } from '../packages/server/src/config.ts';
import { egressSettings } from '../packages/server/src/egress-config.ts';
import { skillSettings } from '../packages/skills/src/config.ts';
import { taskSettings } from '../packages/tasks/src/config.ts';
import { toolSettings, webSettings } from '../packages/tools/src/config.ts';

export interface Section {
  readonly title: string;
  /** Where more is said, as Markdown. */
  readonly more?: string;
  readonly settings: Settings;
}

const sections: readonly Section[] = [
  {
    title: 'Process',
    more: 'Roles: [services](rpc.md), [architecture](../ARCHITECTURE.md).',
    settings: processSettings,
  },
  { title: 'Database', settings: databaseSettings },
  {
    title: 'Access',
    more: 'API keys are sent as `Authorization: Bearer` or `X-API-Key`: [access](access.md).',
    settings: identitySettings,
  },
  { title: 'Policies, rate limits and load shedding', more: 'See [tenants](tenants.md).', settings: limitSettings },
  { title: 'Queue', more: 'See [tasks](tasks.md).', settings: taskSettings },
  {
    title: 'Models and embeddings',
    more: 'See [models](models.md) and [embeddings](knowledge.md#embeddings).',
    settings: modelSettings,
  },
  {
    title: 'Memory',
    more: 'See [an external memory](knowledge.md#an-external-memory) and [services](rpc.md).',
    settings: memorySettings,
  },
  {
    title: 'Sandbox and workspaces',
    more: 'See [sandbox](sandbox.md) and [services](rpc.md).',
    settings: { ...sandboxSettings, ...workspaceSettings, ...egressSettings },
  },
  {
    title: 'Tools, skills, extensions and MCP servers',
    more: 'See [tools](tools.md), [skills](skills.md), [extensions](extensions.md) and [MCP](mcp.md).',
    settings: { ...toolSettings, ...webSettings, ...skillSettings, ...extensionSettings, ...mcpSettings },
  },
  { title: 'TLS between roles', more: '`reeve certs` makes a set: [services](rpc.md).', settings: tlsSettings },
  {
    title: 'HTTP and `/execute`',
    more: 'See [gateway](gateway.md).',
    settings: { ...httpSettings, ...gatewaySettings },
  },
];

const root = join(import.meta.dirname, '..');

if (process.argv[1] === import.meta.filename) {
  const page = join(root, 'docs/configuration.md');
  const missing = unlisted(allSettings, sections);
  for (const variable of missing) console.error(`scripts/configuration-page.ts:1 no section lists ${variable}`);
  const text = configurationPage(sections);
  if (process.argv.includes('--fix')) writeFileSync(page, text);
  const isStale = readFileSync(page, 'utf8') !== text;
  if (isStale) console.error('docs/configuration.md:1 is stale: `npm run check -- --fix` writes it from the settings');
  process.exitCode = isStale || missing.length > 0 ? 1 : 0;
}

/** The variables of settings that no section has. */
export function unlisted(settings: Settings, listed: readonly Section[]): string[] {
  const known = new Set(listed.flatMap((section) => Object.values(section.settings).map(({ variable }) => variable)));
  return Object.values(settings)
    .map(({ variable }) => variable)
    .filter((variable) => !known.has(variable));
}

/** The page as Markdown: an introduction, then a table of settings for each section. */
export function configurationPage(listed: readonly Section[]): string {
  const introduction = `<!-- Generated from the settings of the packages by \`npm run check -- --fix\`; do not edit. -->
# Configuration
A setting comes from the environment, else from \`.env\`, else from \`reeve.yaml\` (both in the working directory), else it has its default. In \`reeve.yaml\` its key is the variable in lower case without \`reeve_\`: \`REEVE_PORT\` is \`port\`. With \`_FILE\` appended, a variable names a file that holds the value: \`OPENAI_API_KEY_FILE=/run/secrets/openai\`.

\`reeve config show\` prints each value and its origin, secrets masked; \`reeve config check\` reports every wrong value at once.
`;
  return [introduction, ...listed.map(sectionText)].join('\n');
}

function sectionText({ title, more, settings }: Section): string {
  const rows = Object.values(settings).map((setting) => `| ${rowOf(setting).map(cell).join(' | ')} |`);
  return [
    `## ${title}`,
    ...(more === undefined ? [] : [more, '']),
    '| variable | default | values | |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function rowOf({ variable, formerly, schema, secret }: Setting): string[] {
  const notes = [
    schema.description ?? '',
    ...(secret ? ['Secret.'] : []),
    ...(formerly === undefined ? [] : [`\`${formerly}\` still works.`]),
  ];
  return [`\`${variable}\``, defaultOf(schema), valuesOf(schema), notes.join(' ')];
}

/** The default as it would be set; empty where there is none. */
function defaultOf(schema: z.ZodType): string {
  const value: unknown = schema.parse(undefined);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  if (Array.isArray(value)) return value.length === ROLES.length ? '`all`' : `\`${value.join(',')}\``;
  const text = String(value as string | number | boolean);
  return `\`${text.startsWith(root) ? relative(root, text).replaceAll('\\', '/') : text}\``;
}

interface Shape {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly Shape[];
}

/** The allowed values as far as a list or bounds tell them; empty for other text. */
function valuesOf(schema: z.ZodType): string {
  return describeShape(z.toJSONSchema(schema, { unrepresentable: 'any' }) as Shape);
}

function describeShape(shape: Shape): string {
  if (shape.anyOf !== undefined) {
    const parts = shape.anyOf.map(describeShape);
    return parts.includes('') ? '' : [...new Set(parts)].join(', ');
  }
  if (shape.enum !== undefined) return shape.enum.map((value) => `\`${value}\``).join(', ');
  if (shape.const !== undefined) return `\`${shape.const}\``;
  if (shape.type === 'boolean') return '`true`, `false`';
  if (shape.minimum === undefined || shape.maximum === undefined) return '';
  return `${shape.minimum} to ${shape.maximum}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
