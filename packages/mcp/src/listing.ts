import type { Tool } from '@modelcontextprotocol/client';
import { storable, storableText } from '@reeve/kit';
import { isOfferable, type Effect } from '@reeve/tools';
import type { Hide } from './secrets.ts';
import type { RemoteTool } from './server.ts';

/** Tools of one server that are kept; providers of models take hardly more in all. */
export const MAX_TOOLS = 128;
const MAX_NAME_LENGTH = 128;
const MAX_DESCRIPTION_LENGTH = 4_000;
/** For all tools of one server, as JSON. */
const MAX_BYTES = 512 * 1024;

/**
 * With those before, the tools that can be offered to a model: each named once, with a schema of an object that is not too
 * large, and as many as fit together. What was sent to the server is hidden; a tool whose name holds it cannot be kept.
 */
export function toolsKept(before: readonly RemoteTool[], tools: readonly Tool[], hide: Hide): RemoteTool[] {
  const kept = new Map(before.map((tool) => [tool.name, tool]));
  let bytes = before.reduce((sum, tool) => sum + bytesOf(tool), 0);
  for (const { name, title, description, annotations, inputSchema } of tools) {
    if (kept.size === MAX_TOOLS) break;
    if (kept.has(name) || !isNameKept(name, hide) || !isOfferable(inputSchema)) continue;
    const told = description ?? title ?? annotations?.title ?? '';
    const tool: RemoteTool = {
      name,
      description: storableText(hide(told).slice(0, MAX_DESCRIPTION_LENGTH)),
      effect: effectOf(annotations),
      input_schema: storable(hide(inputSchema)) as Record<string, unknown>,
    };
    if (bytes + bytesOf(tool) > MAX_BYTES) continue;
    bytes += bytesOf(tool);
    kept.set(name, tool);
  }
  return [...kept.values()];
}

function isNameKept(name: string, hide: Hide): boolean {
  return name.length <= MAX_NAME_LENGTH && storableText(name) === name && hide(name) === name;
}

/** What the server says that a repeat does; where it says nothing, something more. */
function effectOf(annotations: Tool['annotations']): Effect {
  if (annotations?.readOnlyHint === true) return 'none';
  return annotations?.idempotentHint === true ? 'idempotent' : 'external';
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
