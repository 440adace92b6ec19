import { recordAudit } from '@reeve/audit';
import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ByteStream, Reply, requesterOf, type App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import {
  archiveInside,
  openInside,
  readDirectoryInside,
  removeInside,
  writeInside,
  type Workspaces,
} from '@reeve/sandbox';

type Requester = ReturnType<typeof requesterOf>;

/**
 * Mounts the routes of sessions' files. A session need not be known for them: tools, too, make a workspace for any session that
 * a tenant names, and nobody can name another tenant's.
 */
export function mountWorkspaces(app: App, database: Database, here: Workspaces | undefined): void {
  const place = (): Workspaces => {
    if (here !== undefined) return here;
    throw new ReeveError(
      'unavailable',
      'files of sessions are where the sandbox runs (SANDBOX_TARGET), and not in reach here',
    );
  };
  const record = (
    { tenantId, userId: actor, traceId }: Requester,
    action: 'FILE_UPLOADED' | 'FILE_DELETED',
    details: { session_id: string; path: string; size?: number },
  ) => inTenant(database.db, tenantId, (tx) => recordAudit(tx, [{ tenantId, actor, action, traceId, details }]));
  const find = async (tenantId: string, sessionId: string): Promise<string> => {
    const workspace = await place().find(tenantId, sessionId);
    if (workspace === undefined) throw new ReeveError('not_found', `session ${sessionId} has no files`);
    return workspace;
  };

  app.mount(routes.listFiles, async ({ principal: { tenantId }, params: { id }, query: { path, limit, offset } }) => {
    const workspace = await place().find(tenantId, id);
    if (workspace === undefined && path !== '') throw new ReeveError('not_found', `session ${id} has no files`);
    const { entries, total } =
      workspace === undefined
        ? { entries: [], total: 0 }
        : await readDirectoryInside(workspace, path, { limit, offset });
    const files = entries.map(({ name, kind, size, modifiedAt }) => ({
      name,
      path: path === '' ? name : `${path.replace(/\/+$/, '')}/${name}`,
      kind,
      size,
      modified_at: modifiedAt.toISOString(),
    }));
    return { files, total, limit, offset, path };
  });

  app.mount(routes.getWorkspaceUsage, async ({ principal: { tenantId }, params: { id }, signal }) => {
    const workspace = await place().find(tenantId, id);
    const usage = workspace === undefined ? { bytes: 0, files: 0 } : await place().quota.usageOf(workspace, signal);
    return { ...usage, quota_bytes: place().quota.limit.bytes, quota_files: place().quota.limit.files };
  });

  app.mount(routes.downloadFile, async ({ principal: { tenantId }, params: { id }, query: { path } }) => {
    const workspace = await find(tenantId, id);
    // Checked before the response starts; opened again when it is read.
    await (await openInside(workspace, path)).close();
    const content = new ByteStream(async function* () {
      await using handle = await openInside(workspace, path);
      yield* handle.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>;
    });
    return new Reply(200, content, routes.downloadFile.produces, attachment(path.split('/').at(-1)!));
  });

  app.mount(routes.uploadFile, async (call) => {
    const { principal, params, query, upload, signal } = call;
    const { path } = query;
    const workspace = await place().open(principal.tenantId, params.id);
    let size = 0;
    const checked = async function* (): AsyncGenerator<Uint8Array, void> {
      let allowed = 0;
      for await (const chunk of upload) {
        size += chunk.length;
        if (size > allowed) {
          allowed = size + AHEAD_BYTES;
          await place().quota.requireRoom(workspace, AHEAD_BYTES, signal);
        }
        yield chunk;
      }
    };
    await writeInside(workspace, path, checked());
    await record(requesterOf(call), 'FILE_UPLOADED', { session_id: params.id, path, size });
    return { session_id: params.id, path, size };
  });

  app.mount(routes.deleteFile, async (call) => {
    const { principal, params, query } = call;
    await removeInside(await find(principal.tenantId, params.id), query.path);
    await record(requesterOf(call), 'FILE_DELETED', { session_id: params.id, path: query.path });
    return null;
  });

  app.mount(routes.downloadWorkspace, async ({ principal: { tenantId }, params: { id } }) => {
    const workspace = await find(tenantId, id);
    const archive = new ByteStream((signal) => archiveInside(workspace, signal));
    return new Reply(200, archive, routes.downloadWorkspace.produces, attachment(`${id}.zip`));
  });
}

/** Room is reserved in chunks of this size, since the length of an upload is unknown. */
const AHEAD_BYTES = 1024 * 1024;

/** Headers that make a browser save a file and never display it, since it may be a malicious page. */
function attachment(name: string): Record<string, string> {
  const plain = name.replace(/[^\w. -]/g, '_');
  return {
    'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name)}`,
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': 'no-store',
  };
}
