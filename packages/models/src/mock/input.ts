import type { ToolDefinition } from '../model.ts';
import { PREVIOUS_RESULT, type DoneCall, type PlannedCall } from './call.ts';
import { outputText } from './report.ts';

/** Other names under which tools take the same thing. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  expression: ['input', 'formula'],
  code: ['source', 'script'],
  language: ['lang'],
  command: ['cmd', 'script', 'code'],
  text: ['content', 'fact', 'memory'],
  query: ['text', 'q'],
  path: ['file', 'file_path', 'filename'],
  content: ['text', 'contents', 'data'],
  old_text: ['old_string', 'old_str', 'old', 'search', 'find'],
  new_text: ['new_string', 'new_str', 'new', 'replacement', 'replace'],
  pattern: ['glob'],
  timezone: ['time_zone', 'tz', 'zone'],
};

/**
 * A planned call's input in the words of the offered tool's own schema, with "the result" filled in from the
 * calls that are done. What the schema has no name for is left out, unless the schema names nothing.
 */
export function toolInput(call: PlannedCall, tool: ToolDefinition, done: readonly DoneCall[]): Record<string, unknown> {
  const properties = tool.inputSchema.properties;
  const names = new Set(typeof properties === 'object' && properties !== null ? Object.keys(properties) : []);
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(call.input)) {
    const found = names.size === 0 ? name : [name, ...(OTHER_NAMES[name] ?? [])].find((one) => names.has(one));
    if (found !== undefined) input[found] = value === PREVIOUS_RESULT ? outputText(done.at(-1)?.output) : value;
  }
  return input;
}
