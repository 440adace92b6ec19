import { isRecord, newId } from '@reeve/kit';
import type { ModelToolCall, ToolDefinition } from '../model.ts';
import { overlapOf } from './thinking-tags.ts';

/*
 * Tool calls that a server leaves in the text, as the model writes them: Hermes and Qwen (`<tool_call>{…}</tool_call>`), Qwen3-Coder
 * and Llama (`<function=name>…`), Mistral (`[TOOL_CALLS][…]`), and a JSON object with a name and arguments that is the whole text.
 */

export interface TextCalls {
  /** Takes the next piece of text and returns what can be passed on; what may belong to a call waits for the end. */
  push(delta: string): string;
  /** The calls, and the text that waited and is none. */
  end(): { readonly text: string; readonly calls: readonly ModelToolCall[] };
}

const MARKS = ['<tool_call>', '<function=', '[TOOL_CALLS]', '<|python_tag|>'] as const;
/** The beginning of an answer that is nothing but a call in JSON, with or without a fence, as far as it has come. */
const FENCE = /^`{1,3}(?:[a-z_]{0,10}\s*)?$/;
const JSON_CALL = /^(?:```[a-z_]*\s*)?\[?\s*\{\s*"(?:name|type|function|tool|tool_name|parameters|arguments)"/;
const JSON_BEGUN = /^(?:```[a-z_]*\s*)?(?:\[\s*)?(?:\{\s*(?:"[a-z_]{0,10})?)?$/;

/** Reads calls of these tools; `isJson`: the answer is to be JSON, so JSON alone is no call. */
export function openTextCalls(tools: readonly ToolDefinition[], isJson: boolean): TextCalls {
  const names = new Set(tools.map(({ name }) => name));
  let held = '';
  let state: 'start' | 'text' | 'call' = 'start';

  function push(delta: string): string {
    held += delta;
    if (state === 'call') return '';
    const marks = MARKS.map((mark) => held.indexOf(mark)).filter((at) => at >= 0);
    if (marks.length > 0) {
      state = 'call';
      return release(Math.min(...marks));
    }
    if (state === 'start') {
      const begun = held.trimStart();
      if (begun === '') return '';
      if (!isJson && JSON_CALL.test(begun)) state = 'call';
      if (state === 'call' || (!isJson && (FENCE.test(begun) || JSON_BEGUN.test(begun)))) return '';
      state = 'text';
    }
    return release(held.length - Math.max(...MARKS.map((mark) => overlapOf(held, mark))));
  }

  function release(until: number): string {
    const text = held.slice(0, until);
    held = held.slice(until);
    return text;
  }

  return {
    push: (delta) => (names.size === 0 ? delta : push(delta)),
    end() {
      const calls = readCalls(held, names);
      return calls.length === 0 ? { text: held, calls } : { text: '', calls };
    },
  };
}

const TOOL_CALL = /<tool_call>\s*([^]*?)\s*(?:<\/tool_call>|$)/g;
const FUNCTION = /<function=([^>\s]{1,200})>([^]*?)(?:<\/function>|$)/g;
const PARAMETER = /<parameter=([^>\s]{1,200})>\n?([^]*?)\n?(?:<\/parameter>|$)/g;
const MISTRAL = /^\[TOOL_CALLS\]\s*(?:([\w.-]{1,200})(?:\[ARGS\])?\s*)?([[{][^]*)$/;

/** Tagged calls may name a tool that there is not: whoever makes them says so. JSON alone must name one that was offered. */
function readCalls(text: string, names: ReadonlySet<string>): ModelToolCall[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('<tool_call>'))
    return [...trimmed.matchAll(TOOL_CALL)].flatMap(([, body]) =>
      body!.startsWith('<function=') ? readFunctions(body!) : readTagged(body!),
    );
  if (trimmed.startsWith('<function=')) return readFunctions(trimmed);
  const [, name, body] = MISTRAL.exec(trimmed) ?? [];
  if (body !== undefined) return name === undefined ? readTagged(body) : [callOf(name, parse(body) ?? body)];
  const bare = trimmed.replace(/^<\|python_tag\|>/, '').replace(/^```[a-z_]*\s*|\s*```$/g, '');
  const calls = readJson(bare) ?? [];
  return calls.every((call) => names.has(call.name)) ? calls : [];
}

/** Calls in JSON between tags; what was cut stays the text that it is, under the name that it begins with. */
function readTagged(body: string): ModelToolCall[] {
  const calls = readJson(body);
  if (calls !== undefined) return calls;
  const name = /"name"\s*:\s*"([^"\\]{1,200})"/.exec(body)?.[1];
  return name === undefined ? [] : [callOf(name, body)];
}

function readFunctions(text: string): ModelToolCall[] {
  return [...text.matchAll(FUNCTION)].map(([, name, body]) => {
    const parameters = [...body!.matchAll(PARAMETER)].map(([, key, value]) => [key!, parse(value!) ?? value!] as const);
    return callOf(name!, parameters.length > 0 ? Object.fromEntries(parameters) : (parse(body!) ?? body!.trim()));
  });
}

/** The calls of a JSON object, or of a list of them; undefined where it is neither. */
function readJson(text: string): ModelToolCall[] | undefined {
  const value = parse(text);
  const list = (Array.isArray(value) ? (value as unknown[]) : [value]).map(readCall);
  return list.length === 0 || list.includes(undefined) ? undefined : (list as ModelToolCall[]);
}

function readCall(value: unknown): ModelToolCall | undefined {
  if (!isRecord(value)) return undefined;
  if (isRecord(value['function'])) return readCall(value['function']);
  const name = [value['name'], value['tool'], value['tool_name'], value['function']].find(
    (one): one is string => typeof one === 'string',
  );
  const given = value['arguments'] ?? value['parameters'] ?? value['input'];
  const input = typeof given === 'string' ? parse(given) : given;
  return name === undefined || !isRecord(input) ? undefined : callOf(name, input);
}

function callOf(name: string, input: unknown): ModelToolCall {
  return { id: `call_${newId()}`, name, input: input === '' ? {} : input };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
