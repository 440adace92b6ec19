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
    tools: (body.tools ?? []).map((tool, index) => toolOf(tool.type, tool, `tools.${index}`)),
    ...(choice !== undefined && { toolChoice: choice }),
    ...(max_output_tokens != null && { maxOutputTokens: max_output_tokens }),
    ...(temperature != null && { temperature }),
    ...(top_p != null && { topP: top_p }),
    ...(json && { json }),
  };
}

/** Maps the input of a request to the messages after `before`. Throws `invalid_request` for unsupported items. */
export function readMessages(
  input: ResponseRequest['input'],
  before: readonly ConversationMessage[],
): ConversationMessage[] {
  if (typeof input === 'string') return [{ role: 'user', text: input }];
  const said: ConversationMessage[] = [];
  for (const [index, item] of input.entries()) add(said, before, item, `input.${index}`);
  return said;
}

function add(
  said: ConversationMessage[],
  before: readonly ConversationMessage[],
  item: ResponseInputItem,
  path: string,
): void {
  const type = item.type ?? 'message';
  if (type === 'message') {
    if (item.role === undefined) throw invalidField(`${path}.role`, 'is required for a message');
    const text = textOf(item.content, `${path}.content`);
    if (item.role === 'assistant') said.push({ role: 'assistant', text, toolCalls: [] });
    else said.push({ role: item.role === 'user' ? 'user' : 'system', text });
  } else if (type === 'function_call') {
    const { call_id: id, name } = item;
    if (id === undefined || name == null) throw invalidField(path, 'a function_call needs call_id and name');
    addCall(said, { id, name, input: argumentsOf(item.arguments ?? '') });
  } else if (type === 'function_call_output') {
    const toolCallId = item.call_id ?? '';
    const name = toolNamesById([...before, ...said]).get(toolCallId);
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
