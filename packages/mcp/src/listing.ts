import type { Tool } from '@modelcontextprotocol/client';
import { storable, storableText } from '@reeve/kit';
import { isOfferable, type Effect } from '@reeve/tools';
import type { Redact } from './secrets.ts';
import type { RemoteTool } from './server.ts';

/** Tools kept per server; model providers accept hardly more in total. */
export const MAX_TOOLS = 128;
const MAX_NAME_LENGTH = 128;
const MAX_DESCRIPTION_LENGTH = 4_000;
/** For all tools of one server together, as JSON. */
const MAX_BYTES = 512 * 1024;

/**
 * Adds to `before` the tools that can be offered to a model: unique names, an object schema of limited size, and no more
 * than fit together. Secrets sent to the server are redacted; a tool whose name contains one is skipped.
 */
export function selectOfferableTools(
  before: readonly RemoteTool[],
  tools: readonly Tool[],
  redact: Redact,
): RemoteTool[] {
  const kept = new Map(before.map((tool) => [tool.name, tool]));
  let bytes = before.reduce((sum, tool) => sum + bytesOf(tool), 0);
  for (const { name, title, description, annotations, inputSchema } of tools) {
    if (kept.size === MAX_TOOLS) break;
    if (kept.has(name) || !isNameKept(name, redact) || !isOfferable(inputSchema)) continue;
    const told = description ?? title ?? annotations?.title ?? '';
    const tool: RemoteTool = {
      name,
      description: storableText(redact(told).slice(0, MAX_DESCRIPTION_LENGTH)),
      effect: effectOf(annotations),
      input_schema: storable(redact(inputSchema)) as Record<string, unknown>,
    };
    if (bytes + bytesOf(tool) > MAX_BYTES) continue;
    bytes += bytesOf(tool);
    kept.set(name, tool);
  }
  return [...kept.values()];
}

function isNameKept(name: string, redact: Redact): boolean {
  return name.length <= MAX_NAME_LENGTH && storableText(name) === name && redact(name) === name;
}

/** The effect of repeating a call, from the server’s hints; without hints it counts as external. */
function effectOf(annotations: Tool['annotations']): Effect {
  if (annotations?.readOnlyHint === true) return 'none';
  return annotations?.idempotentHint === true ? 'idempotent' : 'external';
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
