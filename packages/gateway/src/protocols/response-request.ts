import type { ResponseInputItem, ResponseRequest } from '@reeve/contract';
import { invalidField } from '@reeve/kit';
import type { ModelRequest } from '@reeve/models';
import { jsonOf, toolChoiceOf, toolOf } from './model-call.ts';
import {
  addCall,
  argumentsOf,
  toolNamesById,
  toModelConversation,
  textOf,
  userMessageOf,
  type ConversationMessage,
} from './message-mapping.ts';

/** Maps a request to a model request; `before` is the conversation so far. */
export function modelRequestOf(
  body: ResponseRequest,
  before: readonly ConversationMessage[],
  input: readonly ConversationMessage[],
): ModelRequest {
  const { model, temperature, top_p, max_output_tokens } = body;
  const format = body.text?.format;
  const choice = toolChoiceOf(body.tool_choice);
  const json = format && jsonOf(format.type, format, 'text.format');
  const instructions: ConversationMessage[] = body.instructions ? [{ role: 'system', text: body.instructions }] : [];
  return {
    model: model ?? null,
    ...toModelConversation([...instructions, ...before, ...input]),
    context: [],
    tools: toolsOf(body),
    ...(choice !== undefined && { toolChoice: choice }),
    ...(max_output_tokens != null && { maxOutputTokens: max_output_tokens }),
    ...(temperature != null && { temperature }),
    ...(top_p != null && { topP: top_p }),
    ...(json && { json }),
  };
}

/** The functions of a request. Throws `invalid_request` for another kind of tool. */
export function toolsOf({ tools }: ResponseRequest): ModelRequest['tools'] {
  return (tools ?? []).map((tool, index) => toolOf(tool.type, tool, `tools.${index}`));
}

/**
 * The input of a request as what was said after `before`. Throws `invalid_request` for an item that cannot be read, and for the output
 * of a call that is neither there nor known otherwise, as `isKnown` says of its id.
 */
export function readMessages(
  input: ResponseRequest['input'],
  before: readonly ConversationMessage[],
  isKnown: (callId: string) => boolean = () => false,
): ConversationMessage[] {
  if (typeof input === 'string') return [{ role: 'user', text: input }];
  const said: ConversationMessage[] = [];
  for (const [index, item] of input.entries()) add(said, before, item, `input.${index}`, isKnown);
  return said;
}

function add(
  said: ConversationMessage[],
  before: readonly ConversationMessage[],
  item: ResponseInputItem,
  path: string,
  isKnown: (callId: string) => boolean,
): void {
  const type = item.type ?? 'message';
  if (type === 'message') {
    if (item.role === undefined) throw invalidField(`${path}.role`, 'is required for a message');
    const at = `${path}.content`;
    if (item.role === 'user') said.push(userMessageOf(item.content, at));
    else if (item.role === 'assistant') said.push({ role: 'assistant', text: textOf(item.content, at), toolCalls: [] });
    else said.push({ role: 'system', text: textOf(item.content, at) });
  } else if (type === 'function_call') {
    const { call_id: id, name } = item;
    if (id === undefined || name == null) throw invalidField(path, 'a function_call needs call_id and name');
    addCall(said, { id, name, input: argumentsOf(item.arguments ?? '') });
  } else if (type === 'function_call_output') {
    const toolCallId = item.call_id ?? '';
    const name = toolNamesById([...before, ...said]).get(toolCallId) ?? (isKnown(toolCallId) ? '' : undefined);
    if (name === undefined)
      throw invalidField(
        `${path}.call_id`,
        'must be the id of a function_call before it, here or in the previous response',
      );
    said.push({ role: 'tool', toolCallId, name, output: textOf(item.output, `${path}.output`), isError: false });
  } else if (!LEFT_OUT.has(type)) {
    throw invalidField(`${path}.type`, `an item of type ${type} cannot be read here; send messages and function calls`);
  }
}

/** Item types of earlier answers that are ignored when sent back. */
const LEFT_OUT: ReadonlySet<string> = new Set(['reasoning', 'mcp_call', 'mcp_list_tools', 'mcp_approval_request']);
