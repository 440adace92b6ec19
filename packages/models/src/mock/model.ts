import { ReeveError } from '@reeve/kit';
import { finalFault, type AnswerPart, type BackendRequest, type Backend } from '../backend.ts';
import { readings } from './attachment.ts';
import { PREVIOUS_RESULT, type PlannedCall } from './call.ts';
import { converse } from './converse.ts';
import { toolInput } from './input.ts';
import { offeredCall } from './offered.ts';
import { planCalls, progress } from './plan.ts';
import { report } from './report.ts';
import { clip } from './words.ts';
import type { ModelMessage, ModelRequest, ModelToolCall } from '../model.ts';
import { IMAGE_NOTE } from '../image-note.ts';
import { estimateUsage } from '../tokens.ts';

const MODEL = 'mock';

/**
 * The built-in model: a small deterministic planner, no language model. It reads the latest request, makes the
 * tool calls that the request means one after another, a call a turn, and answers from their results, from the
 * session or from the retrieved context. If it has no basis for an answer, it says so. The same request gives the same stream.
 */
export function createMockModel(): Backend {
  return { relays: false, answer, explain: (thrown) => finalFault(ReeveError.from(thrown), true) };
}

async function* answer({ model, request, onOutput }: BackendRequest, signal: AbortSignal): AsyncGenerator<AnswerPart> {
  if (model !== MODEL) {
    throw new ReeveError(
      'invalid_request',
      `There is no model ${JSON.stringify(model.slice(0, 100))} here: LLM_PROVIDER is mock, which has only the model "mock". ` +
        'Leave the model empty, or set LLM_PROVIDER and its key.',
    );
  }
  const { thinking, text, call } = decide(request);
  const limit = (request.maxOutputTokens ?? Number.POSITIVE_INFINITY) * 4;
  const shown = text.slice(0, limit);
  let written = 0;
  const write = (characters: number) => {
    written += characters;
    onOutput(characters);
  };
  write(thinking.length);
  yield { type: 'thinking', delta: thinking };
  for (const delta of wordDeltas(shown)) {
    if (signal.aborted) throw new ReeveError('cancelled', 'The model call was cancelled', { cause: signal.reason });
    write(delta.length);
    yield { type: 'text', delta };
  }
  if (call !== undefined) {
    write(call.name.length + JSON.stringify(call.input).length);
    yield { type: 'tool_call', call };
  }
  const reason = call !== undefined ? 'tool_calls' : shown.length < text.length ? 'length' : 'stop';
  yield { type: 'finish', reason, usage: estimateUsage(request, written) };
}

interface Decision {
  /** One line: the plan. */
  readonly thinking: string;
  readonly text: string;
  readonly call?: ModelToolCall;
}

function decide(request: ModelRequest): Decision {
  const at = request.messages.findLastIndex(({ role }) => role === 'user');
  const asked = request.messages[at];
  const ways = readings(asked?.role === 'user' ? asked.text : '');
  const [text] = ways;
  const offered = new Map(request.tools.map((tool) => [tool.name, tool]));
  const wanted = ways.map(planCalls).find((calls) => calls.length > 0) ?? [];
  const plan = wanted.filter(({ tool }) => offered.has(tool));
  const missing = new Set(wanted.filter(({ tool }) => !offered.has(tool)).map(({ tool }) => tool));
  const { done, next } = progress(plan, request.messages.slice(at + 1));
  const tool = next && offered.get(next.tool);
  // What goes into the next call is missing where the call before it failed.
  const stuck =
    next !== undefined && done.at(-1)?.isError === true && Object.values(next.input).includes(PREVIOUS_RESULT);
  if (next !== undefined && tool !== undefined && !stuck) {
    const call = { id: nextCallId(request.messages), name: next.tool, input: toolInput(next, tool, done) };
    return { thinking: planLine(plan, done.length), text: '', call };
  }
  const tools = [...missing].join(' and ');
  if (plan.length > 0) {
    const halt = stuck ? 'I stopped there, because what comes next needs that result.' : '';
    const lack =
      missing.size === 0 ? '' : `I would need the tool ${tools} for the rest, and it is not offered to me here.`;
    return {
      thinking: 'Nothing is left to call; answering from the results.',
      text: [report(done), halt, lack].filter(Boolean).join('\n'),
    };
  }
  const offeredOne = wanted.length === 0 ? offeredCall(text, request, request.messages.slice(at + 1)) : undefined;
  if (offeredOne !== undefined && 'call' in offeredOne) {
    const call = { id: nextCallId(request.messages), ...offeredOne.call };
    return { thinking: `The tool ${call.name} fits the request.`, text: '', call };
  }
  if (offeredOne !== undefined) return { thinking: 'Answering from what the tool said.', text: offeredOne.answer };
  if (wanted.length === 0 && text.includes(IMAGE_NOTE))
    return { thinking: 'There is an image, which I cannot see; saying so.', text: BLIND };
  const knowable = wanted.every(({ tool: name }) => name === 'recall');
  const answer = knowable ? converse(text, request.messages.slice(0, Math.max(at, 0)), request.context) : undefined;
  if (answer !== undefined)
    return { thinking: 'No tool is needed; answering from the session and the retrieved context.', text: answer };
  if (wanted.length > 0) {
    const steps = wanted.map((call, index) => `${index + 1}. ${call.tool}${planInput(call)}`).join('\n');
    return {
      thinking: 'No tool of the plan is offered; giving the plan.',
      text: `My plan would be:\n${steps}\nI made no call: ${tools} ${missing.size === 1 ? 'is' : 'are'} not offered to me here.`,
    };
  }
  return { thinking: 'Nothing here answers this; saying so.', text: introduction(request) };
}

/** A planned call's input for a reader. */
function planInput({ input }: PlannedCall): string {
  const entries = Object.entries(input).map(
    ([name, value]) => `${name}: ${value === PREVIOUS_RESULT ? 'the result' : clip(JSON.stringify(value), 200)}`,
  );
  return entries.length === 0 ? '' : ` (${entries.join(', ')})`;
}

function planLine(plan: readonly PlannedCall[], done: number): string {
  const names = plan.map(({ tool }) => tool);
  const shown = names.length > 12 ? [...names.slice(0, 12), `${names.length - 12} more`] : names;
  return `Plan: ${shown.join(', then ')}. Now ${names[done]!}${names.length > 1 ? ` (${done + 1} of ${names.length})` : ''}.`;
}

/** An id by the call's place in the conversation, free of any that is already there. */
function nextCallId(messages: readonly ModelMessage[]): string {
  const taken = new Set(
    messages.flatMap((message) => (message.role === 'assistant' ? message.toolCalls.map(({ id }) => id) : [])),
  );
  let number = taken.size + 1;
  while (taken.has(`call_${number}`)) number += 1;
  return `call_${number}`;
}

const BLIND =
  'You sent an image. I am Reeve’s built-in model and cannot see: set LLM_PROVIDER to a model that takes images, and ask it on /v1/chat/completions.';

const ABILITIES: readonly (readonly [tool: string, ability: string])[] = [
  ['calculator', 'calculate (“what is 12*(3+4)?”)'],
  ['run_code', 'run JavaScript (“run this: 1 + 1”, or a code fence)'],
  ['bash_execute', 'run a shell command (“run this command: ls”)'],
  ['remember', 'remember something (“remember that …”)'],
  ['recall', 'recall it (“what do you know about …”)'],
  ['write_file', 'write a file (“write file a.txt with content …”)'],
  ['read_file', 'read a file (“read a.txt”)'],
  ['edit_file', 'edit a file (“replace X with Y in a.txt”)'],
  ['glob_files', 'list files (“list files matching *.md”)'],
  ['current_time', 'tell the time (“what time is it in Tokyo?”)'],
];

function introduction(request: ModelRequest): string {
  const names = new Set(request.tools.map(({ name }) => name));
  const can = ABILITIES.filter(([tool]) => names.has(tool)).map(([, ability]) => `- ${ability}`);
  return [
    'I am Reeve’s built-in model, a small planner: I have none of a language model’s knowledge, and neither this session nor what was retrieved for it answers that.',
    can.length === 0
      ? 'No tool that I can use is offered to me here; I answer from the session and the retrieved context.'
      : `With the tools offered to me I can:\n${can.join('\n')}`,
    'To connect a real model, set LLM_PROVIDER (openai, anthropic, google or openai-compatible) and its key, then start Reeve again.',
  ].join('\n');
}

/** Text in pieces of a word each, the space before it included. */
function wordDeltas(text: string): string[] {
  // The end is trimmed because white space that no word follows would be searched again from each of its places.
  return text.trimEnd().match(/\s*\S+/g) ?? [];
}
