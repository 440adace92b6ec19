import type { ResponseRequest, Run } from '@reeve/contract';
import type { ResponseBase } from './response-writer.ts';

/** The id of the response that a run, or a stored answer of a model, is. */
export function responseIdOf(id: string): string {
  return `resp_${id.replaceAll('-', '')}`;
}

/** The ID of the run or stored answer behind a response ID; undefined for an invalid one. */
export function idOfResponse(responseId: string): string | undefined {
  const found = /^resp_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(responseId);
  return found?.slice(1).join('-');
}

/** The fields of a request that are stored in the run’s task, to rebuild the response later. */
export type ResponsePayload = Pick<
  ResponseRequest,
  'metadata' | 'instructions' | 'previous_response_id' | 'background'
>;

/** A run as a response. Only a run that this protocol started keeps the request’s fields in its payload. */
export function baseOfRun(
  run: Pick<Run, 'id' | 'agent' | 'created_at' | 'door'>,
  payload: ResponsePayload,
): ResponseBase {
  const sent = run.door === 'responses' ? payload : {};
  return {
    ...common,
    id: responseIdOf(run.id),
    created_at: Math.floor(Date.parse(run.created_at) / 1000),
    model: `agent/${run.agent}`,
    metadata: sent.metadata ?? {},
    instructions: sent.instructions ?? null,
    previous_response_id: sent.previous_response_id ?? null,
    background: sent.background ?? false,
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
