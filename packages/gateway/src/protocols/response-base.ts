import type { ResponseRequest, Run } from '@reeve/contract';
import type { ModelRequest } from '@reeve/models';
import type { ResponseBase } from './response-writer.ts';

/** The id of the response that a turn of a run, or a stored answer of a model, is. */
export function responseIdOf(id: string, after = 0): string {
  return `resp_${id.replaceAll('-', '')}${after > 0 ? `_${after}` : ''}`;
}

/** What a response is: a turn of a run, which begins after an event, or a stored answer. */
export interface ResponseRef {
  readonly id: string;
  readonly after: number;
}

/** What a response is by its id; undefined where it can be nothing. */
export function readResponseId(responseId: string): ResponseRef | undefined {
  const found = /^resp_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})(?:_([1-9]\d{0,8}))?$/.exec(
    responseId,
  );
  if (found === null) return undefined;
  return { id: found.slice(1, 6).join('-'), after: Number(found[6] ?? 0) };
}

/** The fields of a request that are stored in the run’s task, to rebuild the response later. */
export type ResponsePayload = Pick<
  ResponseRequest,
  'metadata' | 'instructions' | 'previous_response_id' | 'background'
>;

/** What is known of a turn. */
export interface TurnBase {
  /** The last event before it. */
  readonly after: number;
  /** The same of the turn before it. */
  readonly turnBefore: number;
  /** What the caller offered. */
  readonly tools: ModelRequest['tools'];
}

/** A turn of a run as a response. A run that came in by another door has said nothing of itself. */
export function baseOfRun(
  run: Pick<Run, 'id' | 'agent' | 'created_at' | 'door'>,
  payload: ResponsePayload,
  { after, turnBefore, tools }: TurnBase = { after: 0, turnBefore: 0, tools: [] },
): ResponseBase {
  const sent = run.door === 'responses' ? payload : {};
  return {
    ...common,
    id: responseIdOf(run.id, after),
    created_at: Math.floor(Date.parse(run.created_at) / 1000),
    model: `agent/${run.agent}`,
    metadata: sent.metadata ?? {},
    instructions: sent.instructions ?? null,
    previous_response_id: after > 0 ? responseIdOf(run.id, turnBefore) : (sent.previous_response_id ?? null),
    background: sent.background ?? false,
    tools: tools.map(({ name, description, inputSchema: parameters }) => ({
      type: 'function',
      name,
      description,
      parameters,
      strict: false,
    })),
  };
}

/** The answer of a plain model as a response. */
export function baseOfModel(id: string, model: string, body: ResponseRequest): ResponseBase {
  return {
    ...common,
    id: responseIdOf(id),
    created_at: Math.floor(Date.now() / 1000),
    model,
    metadata: body.metadata ?? {},
    instructions: body.instructions ?? null,
    previous_response_id: body.previous_response_id ?? null,
    background: false,
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    top_p: body.top_p ?? 1,
    max_output_tokens: body.max_output_tokens ?? null,
    tools: (body.tools ?? []).map((tool) => ({ strict: false, description: null, parameters: null, ...tool })),
    tool_choice: body.tool_choice ?? 'auto',
    text: { format: body.text?.format ?? { type: 'text' } },
  };
}

/** Fields that clients expect in every response. */
const common = {
  object: 'response',
  completed_at: null,
  store: true,
  temperature: 1,
  top_p: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  top_logprobs: 0,
  max_output_tokens: null,
  max_tool_calls: null,
  parallel_tool_calls: true,
  tools: [],
  tool_choice: 'auto',
  text: { format: { type: 'text' } },
  truncation: 'disabled',
  reasoning: null,
  service_tier: 'default',
  safety_identifier: null,
  prompt_cache_key: null,
} as const;
