import type { ModelMessage, ModelRequest, ToolDefinition } from '../model.ts';
import { hintsFrom } from './hints.ts';
import { outputText } from './report.ts';
import { clip, contentWords, overlap, trimEnds } from './words.ts';

/** A call of a tool that only its name and description tell about, or what such a call answered. */
export type OfferedCall =
  | { readonly call: { readonly name: string; readonly input: Record<string, unknown> } }
  | { readonly answer: string };

/** Reeve's own tools are called where a request reads like one for them (plan.ts), and not by their names. */
const OWN: ReadonlySet<string> = new Set(
  (
    'apply_patch bash_execute calculator create_task current_time delegate_to_agent edit_file forget glob_files grep_files ' +
    'http_request node_execute python_execute read_file read_skill recall remember run_code search_and_patch web_crawl ' +
    'web_search write_file'
  ).split(' '),
);

/**
 * What a request means to a tool that somebody else offers: a call where its name or description has the words of the request, or
 * where the caller demands one; once it has answered, what it said. Undefined where no such tool fits.
 */
export function offeredCall(
  text: string,
  { tools, toolChoice }: Pick<ModelRequest, 'tools' | 'toolChoice'>,
  after: readonly ModelMessage[],
): OfferedCall | undefined {
  if (toolChoice === 'none') return undefined;
  const others = tools.filter(({ name }) => !OWN.has(name));
  const results = after.filter(
    (message) => message.role === 'tool' && others.some(({ name }) => name === message.name),
  );
  if (results.length > 0) return { answer: results.map(sentence).join('\n') };
  const words = contentWords(text);
  const named = typeof toolChoice === 'object' ? tools.find(({ name }) => name === toolChoice.tool) : undefined;
  const tool = named ?? best(others, words) ?? (toolChoice === 'required' ? others[0] : undefined);
  return tool && { call: { name: tool.name, input: inputFor(tool, text) } };
}

function sentence(message: ModelMessage): string {
  if (message.role !== 'tool') return '';
  const text = clip(outputText(message.output).trim(), 8_000);
  if (message.isError) return `The tool failed: ${text || 'it gave no reason'}`;
  return text === '' ? 'The tool answered nothing.' : text;
}

/** The tool whose name the request has, else the one whose description has most of its words: two at least, and half of them. */
function best(tools: readonly ToolDefinition[], words: ReadonlySet<string>): ToolDefinition | undefined {
  const byName = tools.find(({ name }) => {
    const wanted = [...contentWords(spaced(name))];
    return wanted.length > 0 && wanted.every((word) => words.has(word));
  });
  if (byName !== undefined) return byName;
  const scored = tools
    .map((tool) => ({ tool, share: overlap(words, `${spaced(tool.name)} ${tool.description}`) }))
    .filter(({ share }) => share >= 0.5 && share * words.size >= 2);
  return scored.toSorted((one, other) => other.share - one.share)[0]?.tool;
}

function spaced(name: string): string {
  return name.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ');
}

/** The required properties of a schema, or its first one, filled from the request. */
function inputFor({ inputSchema }: ToolDefinition, text: string): Record<string, unknown> {
  const properties = Object.entries((inputSchema.properties ?? {}) as Record<string, unknown>);
  const required = Array.isArray(inputSchema.required) ? (inputSchema.required as unknown[]) : [];
  const filled = required.length > 0 ? properties.filter(([name]) => required.includes(name)) : properties.slice(0, 1);
  const hint = hintsFrom([text], '');
  return Object.fromEntries(
    filled.map(([name, schema]) => {
      const { type, enum: choices } = (schema ?? {}) as { type?: unknown; enum?: unknown };
      const isPlain = choices === undefined && (type === 'string' || type === 'number');
      const known = isPlain ? hint([name], type) : undefined;
      return [name, known === undefined || known === '' ? valueFor(schema, text) : known];
    }),
  );
}

function valueFor(schema: unknown, text: string): unknown {
  const { type, enum: choices } = (schema ?? {}) as { type?: unknown; enum?: unknown };
  if (Array.isArray(choices) && choices.length > 0) {
    const lower = text.toLowerCase();
    return choices.find((choice) => typeof choice === 'string' && lower.includes(choice.toLowerCase())) ?? choices[0];
  }
  const number = /-?\d+(?:\.\d+)?/.exec(text)?.[0];
  if (type === 'integer') return Math.trunc(Number(number ?? 0));
  if (type === 'number') return Number(number ?? 0);
  if (type === 'boolean') return true;
  if (type === 'array') return [subject(text)];
  if (type === 'object') return {};
  return subject(text);
}

/** What a request is about: the words behind its last preposition, else all of it. */
function subject(text: string): string {
  const whole = trimEnds(text.slice(0, 2_000));
  const found = /^.*\b(?:in|for|of|about|at|on|to)\s+(\S[^?!\n]*)$/is.exec(whole)?.[1];
  return found ?? whole;
}
