import { isUtf8 } from 'node:buffer';
import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
  type McpServer,
} from '@modelcontextprotocol/server';
import { Id, KnowledgeBase } from '@reeve/contract';
import { inTenant, type Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { listPersonas, listSessions, newestDocuments, readDocument } from '@reeve/memory';
import { openInside, readDirectoryInside, type Workspaces } from '@reeve/sandbox';
import type { McpParts } from './mcp-tools.ts';

/*
 * What clients of MCP can read: files of sessions, and documents of personas. Lists are of the newest; an address that is not listed
 * can be read all the same.
 *
 *   reeve://sessions/{session_id}/files/{+path}
 *   reeve://personas/{persona}/{knowledge_base}/documents/{document_id}
 */

/** Sessions whose files are listed, and files of each. */
const SESSIONS = 20;
const FILES = 50;
const DOCUMENTS = 200;
/** Values that a completion offers. */
const COMPLETIONS = 100;
/** Bytes of a file that is read. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Adds the resources that a tenant has to a server. */
export function addResources(server: McpServer, parts: McpParts, tenantId: string): void {
  const read = <T>(work: (tx: Tx) => Promise<T>) => inTenant(parts.database.db, tenantId, work);
  const newestSessions = async (limit: number) =>
    (await read((tx) => listSessions(tx, tenantId, undefined, { limit, offset: 0 }))).sessions;

  server.registerResource(
    'session-file',
    new ResourceTemplate('reeve://sessions/{session_id}/files/{+path}', {
      async list() {
        const { workspaces } = parts;
        if (workspaces === undefined) return { resources: [] };
        const lists = await Promise.all(
          (await newestSessions(SESSIONS)).map(async ({ id, title }) =>
            (await entriesOf(workspaces, tenantId, id, '', FILES)).flatMap(({ name, kind, size }) =>
              kind === 'file' ? [{ uri: fileUri(id, name), name, description: `A file of “${title}”`, size }] : [],
            ),
          ),
        );
        return { resources: lists.flat() };
      },
      complete: {
        session_id: async (begin) =>
          (await newestSessions(200))
            .map(({ id }) => id)
            .filter((id) => id.startsWith(begin))
            .slice(0, COMPLETIONS),
        async path(begin, context) {
          const session = Id.safeParse(context?.arguments?.['session_id']).data;
          if (session === undefined || parts.workspaces === undefined) return [];
          const directory = begin.slice(0, begin.lastIndexOf('/') + 1);
          const entries = await entriesOf(parts.workspaces, tenantId, session, directory, 200);
          return entries
            .map(({ name, kind }) => `${directory}${name}${kind === 'directory' ? '/' : ''}`)
            .filter((path) => path.startsWith(begin))
            .slice(0, COMPLETIONS);
        },
      },
    }),
    { description: 'A file of a session: what its agent’s tools wrote, and what was given to it.' },
    async (uri, { session_id, path }) => {
      const id = Id.safeParse(one(session_id)).data;
      const workspace = id === undefined ? undefined : await parts.workspaces?.find(tenantId, id);
      if (workspace === undefined) throw new ResourceNotFoundError(uri.href);
      const content = await readFileInside(workspace, decodeURIComponent(one(path))).catch(tellCaller(uri));
      if (isText(content))
        return { contents: [{ uri: uri.href, mimeType: 'text/plain', text: content.toString('utf8') }] };
      return { contents: [{ uri: uri.href, mimeType: 'application/octet-stream', blob: content.toString('base64') }] };
    },
  );

  const documents = (limit: number) => read((tx) => newestDocuments(tx, tenantId, limit));
  server.registerResource(
    'document',
    new ResourceTemplate('reeve://personas/{persona}/{knowledge_base}/documents/{document_id}', {
      list: async () => ({
        resources: (await documents(DOCUMENTS)).map(({ id, persona, knowledgeBase, title, source }) => ({
          uri: `reeve://personas/${encodeURIComponent(persona)}/${knowledgeBase}/documents/${id}`,
          name: title ?? source ?? id,
          description: `A document of ${persona}’s ${knowledgeBase}`,
          mimeType: 'text/markdown',
        })),
      }),
      complete: {
        persona: async (begin) =>
          (await read((tx) => listPersonas(tx, tenantId, undefined, { limit: 200, offset: 0 }))).personas
            .map(({ slug }) => slug)
            .filter((slug) => slug.startsWith(begin))
            .slice(0, COMPLETIONS),
        knowledge_base: (begin) => KnowledgeBase.options.filter((name) => name.startsWith(begin)),
        async document_id(begin, context) {
          const { persona, knowledge_base } = context?.arguments ?? {};
          return (await documents(1_000))
            .filter((document) => persona === undefined || document.persona === persona)
            .filter((document) => knowledge_base === undefined || document.knowledgeBase === knowledge_base)
            .map(({ id }) => id)
            .filter((id) => id.startsWith(begin))
            .slice(0, COMPLETIONS);
        },
      },
    }),
    { description: 'A document of a persona, as it was read.', mimeType: 'text/markdown' },
    async (uri, { persona, knowledge_base, document_id }) => {
      const id = Id.safeParse(one(document_id)).data;
      if (id === undefined) throw new ResourceNotFoundError(uri.href);
      const place = { persona: decodeURIComponent(one(persona)), knowledgeBase: one(knowledge_base), id };
      const text = await read((tx) => readDocument(tx, tenantId, place)).catch(tellCaller(uri));
      return { contents: [{ uri: uri.href, mimeType: 'text/markdown', text }] };
    },
  );
}

/** Tells of a fault of the caller's as MCP does; what is our own fault stays as it is, and is told without its text. */
function tellCaller(uri: URL): (thrown: unknown) => never {
  return (thrown) => {
    const error = ReeveError.from(thrown);
    if (error.reason === 'not_found') throw new ResourceNotFoundError(uri.href, error.message);
    if (error.status < 500) throw new ProtocolError(ProtocolErrorCode.InvalidParams, error.message);
    throw thrown;
  };
}

/** What lies in a directory of a session; nothing where the session has no files. */
async function entriesOf(workspaces: Workspaces, tenantId: string, id: string, path: string, limit: number) {
  const workspace = await workspaces.find(tenantId, id);
  if (workspace === undefined) return [];
  return (await readDirectoryInside(workspace, path, { limit, offset: 0 })).entries;
}

async function readFileInside(workspace: string, path: string): Promise<Buffer> {
  await using handle = await openInside(workspace, path);
  const { size } = await handle.stat();
  if (size > MAX_BYTES)
    throw new ReeveError(
      'payload_too_large',
      `the file is larger than ${MAX_BYTES / 2 ** 20} MiB: download it by HTTP`,
    );
  return await handle.readFile();
}

function isText(content: Buffer): boolean {
  return !content.includes(0) && isUtf8(content);
}

function fileUri(session: string, path: string): string {
  return `reeve://sessions/${session}/files/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** A variable of a template stands once. */
function one(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : (value?.join('/') ?? '');
}
