import { ReeveError } from '@reeve/kit';
import { finalFault, type AnswerPart, type BackendRequest, type Backend } from '../backend.ts';
import { describeAbilities, describeLack, describeLimits } from './abilities.ts';
import { answerAlone } from './alone.ts';
import { readings } from './attachment.ts';
import { PREVIOUS_RESULT, type DoneCall, type PlannedCall } from './call.ts';
import { converse } from './converse.ts';
import { toolInput } from './input.ts';
import { answerInJson } from './json-answer.ts';
import { offeredCall } from './offered.ts';
import { planCalls, progress } from './plan.ts';
import { report } from './report.ts';
import { startsTodo } from './todo.ts';
import type { ModelMessage, ModelRequest, ModelToolCall } from '../model.ts';
import { estimateUsage } from '../tokens.ts';

const MODEL = 'mock';

/**
 * The built-in model: a small deterministic planner and no language model. It reads the latest request, makes the
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
  const { thinking, text, call } = await decide(request);
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

/** The next call, else the answer, in JSON where that is asked for. */
async function decide(request: ModelRequest): Promise<Decision> {
  const decision = await decidePlainly(request);
  if (decision.call !== undefined || request.json === undefined) return decision;
  const said = request.messages.flatMap((message) => (message.role === 'user' ? [message.text] : []));
  return { ...decision, text: answerInJson(request.json, said, decision.text) };
}

/** The latest request: its place among the messages, and its words. */
function requestOf({ messages }: ModelRequest): { at: number; text: string } {
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const asked = messages[at];
  return { at, text: asked?.role === 'user' ? asked.text : '' };
}

async function decidePlainly(request: ModelRequest): Promise<Decision> {
  const { at, text: whole } = requestOf(request);
  const ways = readings(whole);
  const [text] = ways;
  const after = request.messages.slice(at + 1);
  const offered = new Map(request.tools.map((tool) => [tool.name, tool]));
  const wanted = ways.map(planCalls).find((calls) => calls.length > 0) ?? [];
  const alone = await calculateAlone(wanted.filter(({ tool }) => !offered.has(tool)));
  const plan = wanted.filter((call) => offered.has(call.tool) || alone.has(call));
  const missing = new Set(wanted.filter((call) => !plan.includes(call)).map(({ tool }) => tool));
  const { done, next } = progress(plan, after, alone);
  const tool = next && offered.get(next.tool);
  // What goes into the next call is missing where the call before it failed.
  const stuck =
    next !== undefined && done.at(-1)?.isError === true && Object.values(next.input).includes(PREVIOUS_RESULT);
  if (next !== undefined && tool !== undefined && !stuck) {
    const call = { id: nextCallId(request.messages), name: next.tool, input: toolInput(next, tool, done) };
    return { thinking: planLine(plan, done.length), text: '', call };
  }
  if (plan.length > 0) {
    const halt = stuck ? 'I stopped there, because what comes next needs that result.' : '';
    const lack = missing.size === 0 ? '' : describeLack(missing, true);
    return {
      thinking: 'Nothing is left to call; answering from the results.',
      text: [report(done), halt, lack].filter(Boolean).join('\n'),
    };
  }
  return wanted.length === 0
    ? decideUnplanned(request, text, at)
    : decideWithoutTools(request, text, at, wanted, missing);
}

/** A request that means none of Reeve's own tools. */
function decideUnplanned(request: ModelRequest, text: string, at: number): Decision {
  const offeredOne = offeredCall(text, request, request.messages.slice(at + 1));
  if (offeredOne !== undefined && 'call' in offeredOne) {
    const call = { id: nextCallId(request.messages), ...offeredOne.call };
    return { thinking: `The tool ${call.name} fits the request.`, text: '', call };
  }
  if (offeredOne !== undefined) return { thinking: 'Answering from what the tool said.', text: offeredOne.answer };
  const asked = request.messages[at];
  if (asked?.role === 'user' && asked.images !== undefined)
    return { thinking: 'There is an image, which I cannot see; saying so.', text: BLIND };
  const answer = answerAlone(text) ?? fromSession(request, text, at);
  if (answer !== undefined) return { thinking: 'No tool is needed.', text: answer };
  if (ABOUT_ME.test(text.slice(0, 200).trim()))
    return { thinking: 'That is about me.', text: describeAbilities(request.tools) };
  return { thinking: 'Nothing here answers this; saying so.', text: describeLimits(request.tools) };
}

/** A request for tools of which none is offered: what it asks about may have been said in this session. */
function decideWithoutTools(
  request: ModelRequest,
  text: string,
  at: number,
  wanted: readonly PlannedCall[],
  missing: ReadonlySet<string>,
): Decision {
  const answer = wanted.every(({ tool }) => tool === 'recall') ? fromSession(request, text, at) : undefined;
  if (answer !== undefined) return { thinking: 'Answering from the session and the retrieved context.', text: answer };
  const [only] = wanted;
  if (wanted.length === 1 && startsTodo(text))
    return { thinking: 'Giving the list itself.', text: only!.input['content'] as string };
  return { thinking: 'No tool of the plan is offered; saying so.', text: describeLack(missing, false) };
}

function fromSession(request: ModelRequest, text: string, at: number): string | undefined {
  return converse(text, request.messages.slice(0, Math.max(at, 0)), request.context);
}

/** The results of the arithmetic among these calls. */
async function calculateAlone(calls: readonly PlannedCall[]): Promise<Map<PlannedCall, DoneCall>> {
  const results = new Map<PlannedCall, DoneCall>();
  for (const call of calls.filter(({ tool }) => tool === 'calculator')) {
    // Loading it takes most of a second.
    const { evaluate } = await import('@reeve/kit/arithmetic');
    try {
      results.set(call, { call, output: evaluate(call.input['expression'] as string), isError: false });
    } catch (error) {
      results.set(call, { call, output: { error: ReeveError.from(error).message }, isError: true });
    }
  }
  return results;
}

const ABOUT_ME =
  /^(?:(?:so )?what (?:can|do) you (?:do|offer)|what are you(?: able to do| capable of)?|who are you|how (?:can|do) you (?:help|work)|help)\b[^?\n]{0,40}[?.!\s]*$/i;

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

/** Text in pieces of a word each, the space before it included. */
function wordDeltas(text: string): string[] {
  // The end is trimmed because white space that no word follows would be searched again from each of its places.
  return text.trimEnd().match(/\s*\S+/g) ?? [];
}
