import { fieldMessage } from '@reeve/kit';
import { isOfferable, type Effect } from '@reeve/tools';
import { z } from 'zod';

/*
 * An extension is a file of the operator's folder that defines one tool, of the same name: `word_count.ts`, or
 * `word_count/index.ts` where it needs more files. So what a tool is called is known before any of its code has run.
 */

/** A file that defines a tool. */
export interface ExtensionFile {
  readonly name: string;
  /** Its path in the folder. */
  readonly file: string;
  /** Changes whenever it does, or something that it may import. */
  readonly sign: string;
}

/** What a tool says of itself, checked. */
export interface ToolText {
  readonly name: string;
  readonly description: string;
  readonly effect: Effect;
  readonly timeoutMs: number;
  readonly inputSchema: Readonly<Record<string, unknown>>;
}

/** Names that every provider of models takes. */
export const TOOL_NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/;

const MAX_TIMEOUT_MS = 600_000;

const Schema = z
  .record(z.string(), z.unknown(), 'must be a schema')
  .refine(isOfferable, 'must be the schema of an object, at most 32 KiB and 32 levels deep');

const ToolText = z.object({
  name: z.string('must be text'),
  description: z
    .string('must be text')
    .min(1, 'must say what the tool does')
    .max(4_000, 'must be at most 4000 characters'),
  effect: z.enum(['none', 'idempotent', 'external'], 'must be none, idempotent or external'),
  timeoutMs: z
    .int('must be a whole number of milliseconds')
    .min(1, 'must be at least 1')
    .max(MAX_TIMEOUT_MS, `must be at most ${MAX_TIMEOUT_MS}`)
    .default(30_000),
  inputSchema: Schema,
});

/** What the tool of a file says of itself, or everything that is wrong with it. */
export function parseTool(name: string, told: unknown): ToolText | { readonly fault: string } {
  const parsed = ToolText.safeParse(told);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => {
      const field = path[0] === 'inputSchema' ? 'input' : String(path[0] ?? 'the tool');
      return fieldMessage({ path: field, message });
    });
    return { fault: faults.join('; ') };
  }
  if (parsed.data.name === name) return parsed.data;
  return { fault: `name must be ${name}, as the file is called, not ${parsed.data.name.slice(0, 100)}` };
}
