const MAX_BYTES = 32 * 1024;
const MAX_DEPTH = 32;

/** Whether a schema that others wrote can be offered to a model: that of an object, at most 32 KiB and 32 levels deep. */
export function isOfferable(schema: object): boolean {
  return (
    (schema as { type?: unknown }).type === 'object' &&
    depthOf(schema, 0) <= MAX_DEPTH &&
    Buffer.byteLength(JSON.stringify(schema)) <= MAX_BYTES
  );
}

function depthOf(value: unknown, depth: number): number {
  if (depth > MAX_DEPTH || value === null || typeof value !== 'object') return depth;
  return Object.values(value).reduce<number>((deepest, item) => Math.max(deepest, depthOf(item, depth + 1)), depth + 1);
}
