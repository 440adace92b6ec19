import { z } from 'zod';
import { IdParams, JsonObject, listOf, paging, text, Time } from '../common.ts';
import { defineRoute, type FailureShape } from '../route.ts';

const tag = 'MCP';

/** What a server is called: a part of the names of its tools, `mcp__<name>__<tool>`. */
export const McpServerName = text(1, 32).regex(
  /^[a-z0-9]+([_-][a-z0-9]+)*$/,
  'must be lower-case letters and digits, with single - or _ between them',
);

const HeaderName = text(1, 100).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be the name of a header');
const HeaderValue = text(1, 8_192).regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be what a header can hold: no line breaks');

/** Headers that belong to the connection or the protocol. */
const RESERVED =
  /^(accept|accept-encoding|connection|content-length|content-type|host|keep-alive|last-event-id|mcp-.*|te|trailer|transfer-encoding|upgrade)$/i;
const MAX_HEADERS = 20;

const mayBeSet = (names: readonly string[]) => names.every((name) => !RESERVED.test(name));
const areFew = (names: readonly string[]) =>
  names.length <= MAX_HEADERS && new Set(names.map((name) => name.toLowerCase())).size === names.length;
const RESERVED_MESSAGE = 'must name none of the headers that belong to the connection or to MCP, such as Host';
const FEW_MESSAGE = `must be at most ${MAX_HEADERS} headers, each named once`;

const Transport = z.enum(['http', 'stdio']);
const Url = text(1, 2_000).describe('Where the server speaks Streamable HTTP. It must be on the public Internet.');

const MAX_ARGUMENTS = 64;
const MAX_VARIABLES = 50;
const VariableName = text(1, 100).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable');
const VariableValue = text(0, 8_192);
const areFewVariables = (names: readonly string[]) => names.length <= MAX_VARIABLES;
const FEW_VARIABLES_MESSAGE = `must be at most ${MAX_VARIABLES} variables`;
const Command = text(1, 1_000).describe('The program that is the server, found in the sandbox.');
const Arguments = z.array(text(0, 8_192)).max(MAX_ARGUMENTS).describe('What it is started with. They are shown.');

/** Fields that belong to one transport alone; the first is the one that it cannot do without. */
export const MCP_TRANSPORT_FIELDS = {
  http: ['url', 'headers'],
  stdio: ['command', 'args', 'env'],
} as const satisfies Record<z.infer<typeof Transport>, readonly string[]>;

/** What does not fit the transport of a server. */
function misplaced(input: {
  readonly transport: keyof typeof MCP_TRANSPORT_FIELDS;
}): [path: string, message: string][] {
  const { transport } = input;
  const other = transport === 'http' ? 'stdio' : 'http';
  const isGiven = (field: string) => {
    const value = (input as Readonly<Record<string, unknown>>)[field];
    return typeof value === 'object' ? Object.keys(value ?? {}).length > 0 : value !== undefined;
  };
  const [needed] = MCP_TRANSPORT_FIELDS[transport];
  return [
    ...(isGiven(needed)
      ? []
      : [[needed, `must be given for a server with transport ${transport}`] as [string, string]]),
    ...MCP_TRANSPORT_FIELDS[other]
      .filter(isGiven)
      .map((field): [string, string] => [field, `must be left out for a server with transport ${transport}`]),
  ];
}
const TimeoutMs = z.int().min(1_000).max(600_000);

export const McpServerInput = z
  .strictObject({
    name: McpServerName,
    transport: Transport.default('http').describe(
      '`http`: Streamable HTTP at `url`, with `headers`. `stdio`: the program `command`, with `args` and `env`, in the sandbox.',
    ),
    url: Url.optional(),
    headers: z
      .record(HeaderName, HeaderValue)
      .refine((headers) => mayBeSet(Object.keys(headers)), RESERVED_MESSAGE)
      .refine((headers) => areFew(Object.keys(headers)), FEW_MESSAGE)
      .default({})
      .describe('Sent with every request, such as `Authorization`. Their values are never shown again.'),
    command: Command.optional(),
    args: Arguments.default([]),
    env: z
      .record(VariableName, VariableValue)
      .refine((variables) => areFewVariables(Object.keys(variables)), FEW_VARIABLES_MESSAGE)
      .default({})
      .describe('Variables of the program. Their values are never shown again.'),
    enabled: z.boolean().default(true),
    timeout_ms: TimeoutMs.default(60_000).describe('How long one call of a tool may take.'),
  })
  .superRefine((input, context) => {
    for (const [path, message] of misplaced(input)) context.addIssue({ code: 'custom', path: [path], message });
  })
  .meta({ id: 'McpServerInput' });
export type McpServerInput = z.infer<typeof McpServerInput>;

export const McpServerPatch = z
  .strictObject({
    name: McpServerName.optional(),
    transport: Transport.optional().describe('Cannot be changed; the one that it has is taken.'),
    url: Url.optional(),
    headers: z
      .record(HeaderName, HeaderValue.nullable())
      .refine((headers) => mayBeSet(Object.keys(headers)), RESERVED_MESSAGE)
      .refine((headers) => areFew(Object.keys(headers)), FEW_MESSAGE)
      .optional()
      .describe('Those named are set, or taken away by null; the others stay, unless `url` goes to another origin.'),
    command: Command.optional(),
    args: Arguments.optional(),
    env: z
      .record(VariableName, VariableValue.nullable())
      .refine((variables) => areFewVariables(Object.keys(variables)), FEW_VARIABLES_MESSAGE)
      .optional()
      .describe(
        'As `headers`; where a variable is set, or `command` or `args` are others, only those sent along are kept.',
      ),
    enabled: z.boolean().optional(),
    timeout_ms: TimeoutMs.optional(),
  })
  .meta({ id: 'McpServerPatch' });
export type McpServerPatch = z.infer<typeof McpServerPatch>;

export const McpServer = z
  .object({
    id: z.string(),
    tenant_id: z.string(),
    name: z.string(),
    transport: Transport,
    url: z.string().nullable().describe('With `***` for the values of its query; null for a program.'),
    headers: z.record(z.string(), z.string()).describe('With `***` for their values; none for a program.'),
    command: z.string().nullable().describe('The program that is the server; null for one at an address.'),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()).describe('With `***` for their values.'),
    enabled: z.boolean(),
    timeout_ms: z.int(),
    tool_count: z.int().describe('Tools in the list as it was last read.'),
    protocol_version: z.string().nullable().describe('The revision of MCP that the server speaks.'),
    server_name: z.string().nullable().describe('What it calls itself.'),
    server_version: z.string().nullable(),
    breaker: z.enum(['closed', 'open', 'half_open']).describe('In the process that answers.'),
    listed_at: Time.nullable().describe('When its tools were last read.'),
    checked_at: Time.nullable().describe('When that was last tried.'),
    last_error: z.string().nullable().describe('Why the last try failed; null where it did not.'),
    created_by: z.string().describe('A user id.'),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'McpServer' });
export type McpServer = z.infer<typeof McpServer>;

export const McpTool = z
  .object({
    name: z.string().describe('As agents name it: `mcp__<server>__<tool>`.'),
    remote_name: z.string().describe('As the server names it.'),
    description: z.string(),
    effect: z
      .enum(['none', 'idempotent', 'external'])
      .describe('By its annotations: `readOnlyHint`, `idempotentHint`, or neither.'),
    input_schema: JsonObject,
  })
  .meta({ id: 'McpTool' });
export type McpTool = z.infer<typeof McpTool>;

export const McpTest = z
  .object({
    ok: z.boolean(),
    error: z.string().nullable(),
    protocol_version: z.string().nullable(),
    server_name: z.string().nullable(),
    server_version: z.string().nullable(),
    tool_count: z.int(),
    latency_ms: z.number().describe('For connecting and reading the list of tools.'),
  })
  .meta({ id: 'McpTest' });
export type McpTest = z.infer<typeof McpTest>;

export const createMcpServer = defineRoute({
  method: 'POST',
  path: '/api/v1/mcp/servers',
  tag,
  access: 'operator',
  creates: true,
  summary: 'Add an MCP server, whose tools agents can then be given',
  description:
    'Its tools are read at once. A server that does not answer is added all the same: `last_error` says why it did not, and it is tried again.',
  body: McpServerInput,
  responses: { 201: McpServer },
});
export const listMcpServers = defineRoute({
  method: 'GET',
  path: '/api/v1/mcp/servers',
  tag,
  access: 'viewer',
  summary: 'MCP servers of your tenant, by name',
  query: z.strictObject(paging),
  responses: { 200: listOf('servers', McpServer) },
});
export const getMcpServer = defineRoute({
  method: 'GET',
  path: '/api/v1/mcp/servers/{id}',
  tag,
  access: 'viewer',
  summary: 'One MCP server',
  params: IdParams,
  responses: { 200: McpServer },
});
export const updateMcpServer = defineRoute({
  method: 'PATCH',
  path: '/api/v1/mcp/servers/{id}',
  tag,
  access: 'operator',
  summary: 'Change the fields sent of an MCP server',
  description:
    'Headers do not go along to another origin: with a `url` elsewhere, only those sent with it are kept. Variables go neither along to another `command` or `args`, nor beside one that is set. Renaming renames its tools.',
  params: IdParams,
  body: McpServerPatch,
  responses: { 200: McpServer },
});
export const deleteMcpServer = defineRoute({
  method: 'DELETE',
  path: '/api/v1/mcp/servers/{id}',
  tag,
  access: 'operator',
  summary: 'Remove an MCP server, with its tools',
  params: IdParams,
  responses: { 204: null },
});
export const testMcpServer = defineRoute({
  method: 'POST',
  path: '/api/v1/mcp/servers/{id}/test',
  tag,
  access: 'operator',
  summary: 'Connect to an MCP server and read its tools, now',
  description: 'A server that fails is an answer too: `ok` is false then, and `error` says why.',
  params: IdParams,
  responses: { 200: McpTest },
});
export const listMcpTools = defineRoute({
  method: 'GET',
  path: '/api/v1/mcp/servers/{id}/tools',
  tag,
  access: 'viewer',
  summary: 'Tools of an MCP server, as its list was last read',
  params: IdParams,
  query: z.strictObject(paging),
  responses: { 200: listOf('tools', McpTool) },
});

/** What is said of a request that failed, by us or by the protocol. */
export const JsonRpcError = z
  .object({
    jsonrpc: z.literal('2.0'),
    id: z.union([z.string(), z.number()]).nullish().describe('Null or left out where the request could not be read.'),
    error: z.object({ code: z.int(), message: z.string(), data: z.unknown().optional() }),
  })
  .meta({ id: 'JsonRpcError' });
export type JsonRpcError = z.infer<typeof JsonRpcError>;

/** JSON-RPC's own codes: of a message that is none, and the first of those that a server may give a meaning. */
const INVALID_REQUEST = -32_600;
const SERVER_ERROR = -32_000;

const rpcFailures: FailureShape = {
  schema: JsonRpcError,
  of: ({ error: message, code: reason, details = [], status }): JsonRpcError => ({
    jsonrpc: '2.0',
    id: null,
    error: { code: status === 400 ? INVALID_REQUEST : SERVER_ERROR, message, data: { code: reason, details } },
  }),
};

export const mcp = defineRoute({
  method: 'POST',
  path: '/mcp',
  tag,
  access: 'viewer',
  failures: rpcFailures,
  summary: 'Reeve as an MCP server: agents, tasks and memory as tools',
  description:
    'Streamable HTTP without sessions, in the revisions 2026-07-28 and 2025-11-25 and some before it. One message a request, and each answer is JSON. Which tools there are depends on the role of who asks.',
  body: z.looseObject({
    jsonrpc: z.literal('2.0'),
    id: z.union([text(0, 1_000), z.int().min(-2_147_483_648)]).optional(),
    method: text(1, 200).optional(),
    params: JsonObject.optional(),
  }),
  responses: { 200: z.looseObject({ jsonrpc: z.literal('2.0') }), 202: null },
});
