import type { ToolOutcome, ToolStatus } from '@reeve/contract';
import { storableText } from '@reeve/kit';
import type { ToolResult } from './tool.ts';

/** The largest result that is kept, as JSON text. */
const MAX_RESULT_BYTES = 256 * 1024;

/**
 * A tool's result in the contract's shape: cut to size, and without what PostgreSQL cannot store (NUL and lone
 * surrogates become U+FFFD). The duration is the caller's to set. Values that JSON cannot hold become text.
 */
export function outcomeOf({
  status,
  result,
  stdout = '',
  stderr = '',
  exitCode = null,
  truncated = false,
}: ToolResult): ToolOutcome {
  const kept = keep(result);
  const [out, err] = [cut(stdout), cut(stderr)];
  return {
    tool_status: status,
    result: kept.value,
    stdout: out.text,
    stderr: err.text,
    exit_code: exitCode,
    duration_ms: 0,
    truncated: truncated || kept.truncated || out.truncated || err.truncated,
  };
}

/** The outcome of a call that did not give a result, with the reason for the model. */
export function failedOutcome(status: ToolStatus, error: string): ToolOutcome {
  return {
    tool_status: status,
    result: { error },
    stdout: '',
    stderr: '',
    exit_code: null,
    duration_ms: 0,
    truncated: false,
  };
}

function keep(value: unknown): { value: unknown; truncated: boolean } {
  const json = toJson(value);
  if (Buffer.byteLength(json) <= MAX_RESULT_BYTES)
    return { value: JSON.parse(json, (_, item: unknown) => clean(item)) as unknown, truncated: false };
  return { value: cut(json).text, truncated: true };
}

function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return JSON.stringify(String(value));
  }
}

/** Cleans a string, or the names of an object; a reviver meets the values inside first. */
function clean(item: unknown): unknown {
  if (typeof item === 'string') return storableText(item);
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return item;
  return Object.fromEntries(Object.entries(item).map(([name, inner]) => [storableText(name), inner]));
}

function cut(text: string): { text: string; truncated: boolean } {
  const bytes = Buffer.from(storableText(text));
  if (bytes.length <= MAX_RESULT_BYTES) return { text: bytes.toString(), truncated: false };
  return { text: new TextDecoder().decode(bytes.subarray(0, MAX_RESULT_BYTES), { stream: true }), truncated: true };
}
