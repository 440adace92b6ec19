import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client';
import type { ToolResult } from '@reeve/tools';

/** Converts a call’s result for the model: the structured content, else the text. Images and audio are only listed. */
export function resultOf({ content, structuredContent, isError }: CallToolResult): ToolResult {
  const text = content.flatMap((block) => textOf(block) ?? []).join('\n');
  const others = content.filter((block) => textOf(block) === undefined).map(attachmentOf);
  if (isError === true)
    return { status: 'error', result: { error: text === '' ? 'the server does not say what went wrong' : text } };
  const value = structuredContent ?? text;
  return { status: 'success', result: others.length === 0 ? value : { content: value, attachments: others } };
}

function textOf(block: ContentBlock): string | undefined {
  if (block.type === 'text') return block.text;
  return block.type === 'resource' && 'text' in block.resource ? block.resource.text : undefined;
}

function attachmentOf(block: ContentBlock): Record<string, unknown> {
  if (block.type === 'image' || block.type === 'audio')
    return { type: block.type, mime_type: block.mimeType, bytes: bytesOf(block.data) };
  if (block.type === 'resource_link') return { type: 'link', uri: block.uri, name: block.name };
  if (block.type === 'resource' && 'blob' in block.resource)
    return { type: 'file', uri: block.resource.uri, bytes: bytesOf(block.resource.blob) };
  return { type: block.type };
}

function bytesOf(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}
