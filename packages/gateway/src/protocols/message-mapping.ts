import { MAX_ATTACHMENTS, type ChatMessage, type ContentPart } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import type { NewMessage } from '@reeve/memory';
import type { ModelImage, ModelMessage, ModelToolCall } from '@reeve/models';
import { sentFileOf, type SentFile } from './sent-files.ts';

/** A message of a caller’s conversation, in order. */
export type ConversationMessage =
  | Exclude<ModelMessage, { role: 'user' }>
  | { readonly role: 'user'; readonly text: string; readonly files?: readonly SentFile[] }
  | { readonly role: 'system'; readonly text: string };

type Content = ChatMessage['content'];

const TEXTS: ReadonlySet<string> = new Set(['text', 'input_text', 'output_text', 'summary_text', 'reasoning_text']);

/** The text of a message that holds nothing else. Throws `invalid_request` for other parts. */
export function textOf(content: Content, path: string): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content
    .map((part, index) => {
      const text = textOfPart(part);
      if (text === undefined)
        throw invalidField(`${path}.${index}.type`, `a part of type ${part.type} cannot be read here; send text`);
      return text;
    })
    .join('');
}

/**
 * A message of the user: its text and its files. Images that are given by their address are left out, and their places added to
 * `links`; without that they are refused. Throws `invalid_request`.
 */
export function userMessageOf(content: Content, path: string, links?: string[]): ConversationMessage {
  if (typeof content === 'string' || content === null || content === undefined)
    return { role: 'user', text: content ?? '' };
  const files: SentFile[] = [];
  let text = '';
  for (const [index, part] of content.entries()) {
    const said = textOfPart(part);
    if (said !== undefined) {
      text += said;
      continue;
    }
    const sent = sentFileOf(part, `${path}.${index}`);
    if (sent === undefined)
      throw invalidField(
        `${path}.${index}.type`,
        `a part of type ${part.type} cannot be read here; send text or a file`,
      );
    if (!('link' in sent)) files.push(sent);
    else if (links !== undefined) links.push(sent.link);
    else throw invalidField(sent.link, 'addresses are not fetched; send the image itself, as a data: URL');
  }
  if (files.length > MAX_ATTACHMENTS) throw invalidField(path, `a message may carry ${MAX_ATTACHMENTS} files`);
  return { role: 'user', text, ...(files.length > 0 && { files }) };
}

function textOfPart({ type, text, refusal }: ContentPart): string | undefined {
  if (TEXTS.has(type)) return text ?? '';
  return type === 'refusal' ? (refusal ?? '') : undefined;
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

/** Splits a conversation into instructions and messages for a model. Throws `invalid_request` for files that are no images. */
export function toModelConversation(said: readonly ConversationMessage[]): {
  system: string;
  messages: ModelMessage[];
} {
  const messages: ModelMessage[] = [];
  const system: string[] = [];
  for (const message of said) {
    if (message.role === 'user') messages.push(toModelMessage(message));
    else if (message.role !== 'system') messages.push(message);
    else if (message.text !== '') system.push(message.text);
  }
  return { system: system.join('\n\n'), messages };
}

function toModelMessage({ text, files = [] }: Extract<ConversationMessage, { role: 'user' }>): ModelMessage {
  const images = files.map(({ mediaType, data, path }): ModelImage => {
    if (mediaType.startsWith('image/')) return { mediaType, data };
    throw invalidField(path, 'a plain model is shown images only; send the file to an agent, or its text');
  });
  return { role: 'user', text, ...(images.length > 0 && { images }) };
}

/** A message of a session, and the files that came with it. */
export interface SaidBefore {
  readonly message: NewMessage;
  readonly files: readonly SentFile[];
}

/** What an agent is asked, and what was said before it. */
export interface AgentInput {
  readonly input: string;
  /** The files that came with the input. */
  readonly files: readonly SentFile[];
  readonly earlier: readonly SaidBefore[];
}

/**
 * What an agent is asked: the last message, which must be the user’s, and what was said before it. Throws
 * `invalid_request` naming `path`.
 */
export function toAgentInput(said: readonly ConversationMessage[], path: string): AgentInput {
  const last = said.at(-1);
  if (last?.role !== 'user') throw invalidField(path, 'an agent is asked by a message of the user: let it be the last');
  const { text: input, files = [] } = last;
  if (input.trim() === '' && files.length === 0) throw invalidField(path, 'the last message must say something');
  const earlier = said.slice(0, -1).flatMap((message) => {
    const files = message.role === 'user' ? (message.files ?? []) : [];
    return toSessionMessages(message).map((one, index) => ({ message: one, files: index === 0 ? files : [] }));
  });
  return { input, files, earlier };
}

/** Maps a message to session messages. Instructions from the caller become a user message. */
function toSessionMessages(message: ConversationMessage): NewMessage[] {
  if (message.role === 'tool') {
    const { toolCallId: tool_call_id, name, output, isError } = message;
    const status = isError ? 'error' : 'success';
    return [{ role: 'tool-output', content: JSON.stringify({ tool_call_id, name, status, output }) }];
  }
  const role = message.role === 'assistant' ? 'assistant' : 'user';
  const isEmpty = message.text === '' && (message.role !== 'user' || message.files === undefined);
  const text: NewMessage[] = isEmpty ? [] : [{ role, content: message.text }];
  if (message.role !== 'assistant') return text;
  const calls = message.toolCalls.map(({ id: tool_call_id, name, input }): NewMessage => ({
    role: 'tool-plan',
    content: JSON.stringify({ tool_call_id, name, input }),
  }));
  return [...text, ...calls];
}
