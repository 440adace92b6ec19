import type { z } from 'zod';

/** What is wrong with a call's arguments and what would be right, in words for a model. */
export function explain(name: string, error: z.ZodError, schema: Record<string, unknown>): string {
  const faults = error.issues
    .slice(0, 10)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`));
  return `wrong arguments for ${name}: ${faults.join('; ')}. ${name} takes ${shapeOf(schema)}`;
}

/** An object schema in one line: `{"path": string, "limit"?: integer}`. */
function shapeOf({
  properties = {},
  required = [],
}: { properties?: object; required?: readonly string[] } & Record<string, unknown>): string {
  const fields = Object.entries(properties as Record<string, { type?: string; const?: unknown; enum?: unknown[] }>).map(
    ([field, { type, const: only, enum: choices }]) =>
      `${JSON.stringify(field)}${required.includes(field) ? '' : '?'}: ${only === undefined ? (choices?.map((choice) => JSON.stringify(choice)).join(' | ') ?? type ?? 'any') : JSON.stringify(only)}`,
  );
  return `{${fields.join(', ')}}`;
}
