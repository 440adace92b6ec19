import type { ChatMessage } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import type { NewMessage } from '@reeve/memory';
import { IMAGE_NOTE, type ModelMessage, type ModelToolCall } from '@reeve/models';

/** A message of a caller’s conversation, in order. */
export type ConversationMessage = ModelMessage | { readonly role: 'system'; readonly text: string };

type Content = ChatMessage['content'];

const IMAGES: ReadonlySet<string> = new Set(['image_url', 'input_image']);
const TEXTS: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text', 'summary_text', 'reasoning_text']);

/** What becomes of images: their paths are added to a list, or a note takes their place for a model that cannot see. */
export type Images = string[] | 'note' | undefined;

/** The text of a message. Throws `invalid_request` for parts other than text, and for images where nothing becomes of them. */
export function textOf(content: Content, path: string, images?: Images): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text, refusal }, index) => {
      if (TEXTS.has(type)) return text ?? '';
      if (type === 'refusal') return refusal ?? '';
      if (IMAGES.has(type) && images === 'note') return `\n${IMAGE_NOTE}\n`;
      if (type === 'image_url' && Array.isArray(images)) {
        images.push(`${path}.${index}.type`);
        return '';
      }
      throw invalidField(`${path}.${index}.type`, `a part of type ${type} cannot be read yet; send text`);
    })
    .join('');
}

/** The arguments of a call as the caller received them; text that is not JSON stays text. */
export function argumentsOf(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Finds the names of calls by their ids, which results come without. */
export function toolNamesById(said: readonly ConversationMessage[]): Map<string, string> {
  const calls = said.flatMap((message) => (message.role === 'assistant' ? message.toolCalls : []));
  return new Map(calls.map(({ id, name }) => [id, name]));
}

/** Adds a call to the latest assistant message, or as a new one. */
export function addCall(said: ConversationMessage[], call: ModelToolCall): void {
  const last = said.at(-1);
  if (last?.role === 'assistant') said[said.length - 1] = { ...last, toolCalls: [...last.toolCalls, call] };
  else said.push({ role: 'assistant', text: '', toolCalls: [call] });
}

/** Splits a conversation into instructions and messages for a model. */
export function toModelConversation(said: readonly ConversationMessage[]): {
  system: string;
  messages: ModelMessage[];
} {
  const messages: ModelMessage[] = [];
  const system: string[] = [];
  for (const message of said) {
    if (message.role !== 'system') messages.push(message);
    else if (message.text !== '') system.push(message.text);
  }
  return { system: system.join('\n\n'), messages };
}

/**
 * What an agent is asked: the last message, which must be the user’s, and what was said before it. Throws
 * `invalid_request` naming `path`.
 */
export function toAgentInput(
  said: readonly ConversationMessage[],
  path: string,
): { input: string; earlier: NewMessage[] } {
  const last = said.at(-1);
  if (last?.role !== 'user') throw invalidField(path, 'an agent is asked by a message of the user: let it be the last');
  if (last.text.trim() === '') throw invalidField(path, 'the last message must say something');
  return { input: last.text, earlier: said.slice(0, -1).flatMap(toSessionMessages) };
}

/** Maps a message to session messages. Instructions from the caller become a user message. */
function toSessionMessages(message: ConversationMessage): NewMessage[] {
  if (message.role === 'tool') {
    const { toolCallId: tool_call_id, name, output, isError } = message;
    const status = isError ? 'error' : 'success';
    return [{ role: 'tool-output', content: JSON.stringify({ tool_call_id, name, status, output }) }];
  }
  const role = message.role === 'assistant' ? 'assistant' : 'user';
  const text: NewMessage[] = message.text === '' ? [] : [{ role, content: message.text }];
  if (message.role !== 'assistant') return text;
  const calls = message.toolCalls.map(({ id: tool_call_id, name, input }): NewMessage => ({
    role: 'tool-plan',
    content: JSON.stringify({ tool_call_id, name, input }),
  }));
  return [...text, ...calls];
}
