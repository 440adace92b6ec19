import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client';
import type { Attachment } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import { storeInside } from '@reeve/sandbox';
import type { ToolContext, ToolResult } from '@reeve/tools';
import type { Redact } from './secrets.ts';

/** A picture, a sound or another file that a call returned. */
export interface ReturnedFile {
  readonly type: 'image' | 'audio' | 'file';
  readonly name: string | undefined;
  /** The type that the server states. */
  readonly mediaType: string | undefined;
  readonly content: Buffer;
}

/** What a call came to. */
export interface RemoteResult {
  readonly status: 'success' | 'error';
  /** The structured content, else the text. */
  readonly content: unknown;
  readonly links: readonly { readonly type: 'link'; readonly uri: string; readonly name: string }[];
  readonly files: readonly ReturnedFile[];
}

/** Files of one result that are kept. */
const MAX_FILES = 20;

/** Reads what a server returned, without what it was sent. */
export function readResult({ content, structuredContent, isError }: CallToolResult, redact: Redact): RemoteResult {
  const text = content.flatMap((block) => textOf(block) ?? []).join('\n');
  const links = content.flatMap((block) =>
    block.type === 'resource_link' ? [{ type: 'link' as const, uri: redact(block.uri), name: redact(block.name) }] : [],
  );
  const files = content.flatMap((block) => fileOf(block, redact) ?? []);
  if (isError !== true) return { status: 'success', content: redact(structuredContent ?? text), links, files };
  const error = text === '' ? 'the server does not say what went wrong' : redact(text);
  return { status: 'error', content: { error }, links, files };
}

/**
 * The result as the model is shown it. Files become files of the session; one that cannot be stored is named with the reason,
 * since the call is done by now.
 */
export async function keepResult(
  { status, content, links, files }: RemoteResult,
  context: Pick<ToolContext, 'sessionId' | 'workspace' | 'signal'> & {
    readonly quota: Pick<ToolContext['quota'], 'requireRoom'>;
  },
): Promise<ToolResult> {
  const attachments: unknown[] = [];
  for (const file of files.slice(0, MAX_FILES)) {
    try {
      const { path, mediaType } = await storeInside(context.workspace, context.quota, file, context.signal);
      const { length: size } = file.content;
      attachments.push({ session_id: context.sessionId, path, media_type: mediaType, size } satisfies Attachment);
    } catch (error) {
      if (context.signal.aborted) throw error;
      attachments.push(unkept(file, error instanceof ReeveError ? error.message : 'it could not be written'));
    }
  }
  const others = files.slice(MAX_FILES).map((file) => unkept(file, `of one result, ${MAX_FILES} files are kept`));
  attachments.push(...others, ...links);
  return { status, result: attachments.length === 0 ? content : { content, attachments } };
}

function unkept({ type, mediaType, content }: ReturnedFile, reason: string): unknown {
  return { type, media_type: mediaType ?? null, size: content.length, not_kept: reason };
}

function textOf(block: ContentBlock): string | undefined {
  if (block.type === 'text') return block.text;
  return block.type === 'resource' && 'text' in block.resource ? block.resource.text : undefined;
}

function fileOf(block: ContentBlock, redact: Redact): ReturnedFile | undefined {
  if (block.type === 'image' || block.type === 'audio') {
    const { type, mimeType: mediaType, data } = block;
    return { type, name: undefined, mediaType, content: bytesOf(data, redact) };
  }
  if (block.type !== 'resource' || !('blob' in block.resource)) return undefined;
  const { uri, mimeType: mediaType, blob } = block.resource;
  return { type: 'file', name: redact(uri.split(/[?#]/)[0]!), mediaType, content: bytesOf(blob, redact) };
}

/** Latin-1 has a character for each byte, so that every other byte stays as it is. */
function bytesOf(base64: string, redact: Redact): Buffer {
  return Buffer.from(redact(Buffer.from(base64, 'base64').toString('latin1')), 'latin1');
}
