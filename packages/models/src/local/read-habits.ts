import type { AnswerPart } from '../backend.ts';
import type { ModelRequest } from '../model.ts';
import { openTextCalls } from './text-calls.ts';
import { openThinkingTags } from './thinking-tags.ts';

/**
 * Reads the answer of a server whose model's output it did not take apart: reasoning between tags becomes thinking, tool calls in
 * the text become calls, and where all of an answer is reasoning, that is the answer.
 */
export async function* readHabits(
  parts: AsyncIterable<AnswerPart>,
  { tools, toolChoice, json }: ModelRequest,
): AsyncGenerator<AnswerPart> {
  const tags = openThinkingTags();
  const calls = openTextCalls(toolChoice === 'none' ? [] : tools, json !== undefined);
  let thought = '';
  let hasText = false;
  let hasCalls = false;

  const text = (delta: string): AnswerPart[] => {
    hasText ||= delta.trim() !== '';
    return delta === '' ? [] : [{ type: 'text', delta }];
  };
  const thinking = (delta: string): AnswerPart => {
    thought += delta;
    return { type: 'thinking', delta };
  };

  for await (const part of parts) {
    if (part.type === 'thinking') yield thinking(part.delta);
    else if (part.type === 'text')
      for (const { type, delta } of tags.push(part.delta)) {
        if (type === 'thinking') yield thinking(delta);
        else yield* text(calls.push(delta));
      }
    else if (part.type === 'finish') {
      for (const { type, delta } of tags.end()) {
        if (type === 'thinking') yield thinking(delta);
        else yield* text(calls.push(delta));
      }
      const rest = calls.end();
      yield* text(rest.text);
      for (const call of rest.calls) yield { type: 'tool_call', call };
      hasCalls ||= rest.calls.length > 0;
      const isCut = part.reason === 'length';
      if (!hasText && !hasCalls && !isCut && part.reason !== 'content_filter') yield* text(thought.trim());
      yield { ...part, reason: hasCalls && !isCut ? 'tool_calls' : part.reason };
    } else {
      hasCalls ||= part.type === 'tool_call';
      yield part;
    }
  }
}
