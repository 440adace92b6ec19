import { z } from 'zod';
import { Id, IdParams, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Workspaces';

export const WorkspaceEntry = z
  .object({
    name: z.string(),
    path: z.string().describe('From the workspace.'),
    kind: z.enum(['file', 'directory', 'link', 'other']),
    size: z.number().int().describe('Bytes.'),
    modified_at: Time,
  })
  .meta({ id: 'WorkspaceEntry' });
export type WorkspaceEntry = z.infer<typeof WorkspaceEntry>;

export const WorkspaceUsage = z
  .object({
    bytes: z.number().int().describe('On the disk, counted up to a little more than the quota.'),
    files: z.number().int().describe('Files, directories and links.'),
    quota_bytes: z.number().int(),
    quota_files: z.number().int(),
  })
  .meta({ id: 'WorkspaceUsage' });

const Path = text(1, 4096).describe('Path inside the workspace, such as `notes/today.md`.');

/** A file of a session that came with a message, or that a tool made. */
export const Attachment = z
  .object({
    session_id: Id.describe('The session that has the file.'),
    path: z.string().describe('From its workspace.'),
    media_type: z.string().describe('By its content: `image/png`, `text/plain`, `application/pdf`, …'),
    size: z.number().int().describe('Bytes.'),
  })
  .meta({ id: 'Attachment' });
export type Attachment = z.infer<typeof Attachment>;

const ResultWithFiles = z.looseObject({ attachments: z.array(z.unknown()) });

/** The files of the session that a tool’s result lists in its `attachments`; entries of other kinds are left out. */
export function attachmentsOf(result: unknown): Attachment[] {
  const listed = ResultWithFiles.safeParse(result).data?.attachments ?? [];
  return listed.flatMap((entry) => Attachment.safeParse(entry).data ?? []);
}

/** Bytes that a file which comes with a message may have. */
export const MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024;

/** Files that one message may carry. */
export const MAX_ATTACHMENTS = 20;

/** Paths of files that a message carries. */
export const AttachmentPaths = z
  .array(Path)
  .max(MAX_ATTACHMENTS)
  .describe(
    'Files of the session that go with the message, by their paths: put them there first. A model that takes images is shown them, and the texts.',
  );

export const listFiles = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}/files',
  tag,
  access: 'viewer',
  summary: 'What lies in a directory of a session’s workspace',
  description:
    'Directories first, then by name. A session that has used no file has an empty workspace. `total` counts up to 10,000.',
  params: IdParams,
  query: z.strictObject({
    ...paging,
    path: text(0, 4096).default('').describe('The directory; the workspace itself by default.'),
  }),
  responses: { 200: listOf('files', WorkspaceEntry).extend({ path: z.string() }) },
});

export const getWorkspaceUsage = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}/files/usage',
  tag,
  access: 'viewer',
  summary: 'What a session’s workspace takes, and may take',
  params: IdParams,
  responses: { 200: WorkspaceUsage },
});

export const downloadFile = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}/files/content',
  tag,
  access: 'viewer',
  summary: 'A file of a session’s workspace',
  params: IdParams,
  query: z.strictObject({ path: Path }),
  responses: { 200: z.string().describe('Its bytes.') },
  produces: 'application/octet-stream',
});

/** Bytes that an uploaded file may have. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;

export const uploadFile = defineRoute({
  method: 'PUT',
  path: '/api/v1/sessions/{id}/files/content',
  tag,
  access: 'member',
  summary: 'Put a file into a session’s workspace',
  description:
    'The body is the file. Missing directories are made, and a file of that path is replaced: whole, or not at all. 409 `limit_reached` where the workspace has no room for it.',
  params: IdParams,
  query: z.strictObject({ path: Path }),
  uploads: { maxBytes: MAX_UPLOAD_BYTES },
  responses: { 200: z.object({ session_id: Id, path: z.string(), size: z.number().int() }) },
});

export const deleteFile = defineRoute({
  method: 'DELETE',
  path: '/api/v1/sessions/{id}/files/content',
  tag,
  access: 'member',
  summary: 'Delete a file of a session’s workspace',
  params: IdParams,
  query: z.strictObject({ path: Path }),
  responses: { 204: null },
});

export const downloadWorkspace = defineRoute({
  method: 'GET',
  path: '/api/v1/sessions/{id}/files/archive',
  tag,
  access: 'viewer',
  summary: 'All files of a session’s workspace as a zip archive',
  description: 'Links are left out.',
  params: IdParams,
  responses: { 200: z.string().describe('The archive’s bytes.') },
  produces: 'application/zip',
});
