import { invalidField } from '@reeve/kit';
import type { ToolChoice } from '@reeve/contract';
import type { ChatPart, ModelRequest } from '@reeve/models';
import type { CallLedger, CallOwner } from '@reeve/ledger';
import type { Caller, ProtocolParts } from './protocol.ts';

/** A call of a plain model that has begun to answer. */
export interface OpenModelCall<Part extends ChatPart> {
  /** The first part; undefined if the answer is empty. */
  readonly first: Part | undefined;
  /** The parts, once; the upstream call is aborted when the signal is, and when the reader stops. */
  parts(signal: AbortSignal): AsyncGenerator<Part, void>;
}

/**
 * Calls a model and resolves with its first part, so that what fails before it is an ordinary error. The call is aborted when
 * the caller goes away. With `agent` it is on that agent’s account.
 */
export async function openModelCall<Part extends ChatPart>(
  { ledgerFor }: Pick<ProtocolParts, 'ledgerFor'>,
  { principal, context, signal }: Caller & { readonly signal: AbortSignal },
  ask: (signal: AbortSignal, ledger: CallLedger) => AsyncIterable<Part>,
  agent?: { readonly slug: string; readonly persona_id: string | null },
): Promise<OpenModelCall<Part>> {
  const left = new AbortController();
  abortWith(left, signal);
  const ledger = ledgerFor(ownerOf({ principal, context }, agent));
  const iterator = ask(left.signal, ledger)[Symbol.asyncIterator]();
  const first = await iterator.next();
  return {
    first: first.done === true ? undefined : first.value,
    async *parts(reader) {
      abortWith(left, reader);
      let ended = false;
      try {
        for (let next = first; next.done !== true; next = await iterator.next()) {
          ended = next.value.type === 'finish';
          yield next.value;
        }
        ended = true;
      } finally {
        if (!ended) left.abort();
        await iterator.return?.();
      }
    },
  };
}

/** Who pays for a call outside of any run: its caller, and the agent on whose account it is made. */
export function ownerOf(
  { principal: { tenantId, userId }, context: { traceId } }: Caller,
  agent?: { readonly slug: string; readonly persona_id: string | null },
): CallOwner {
  const noRun = { runId: null, rootRunId: null, step: null };
  return { tenantId, userId, traceId, agentId: agent?.slug ?? null, personaId: agent?.persona_id ?? null, ...noRun };
}

function abortWith(controller: AbortController, signal: AbortSignal): void {
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
}

/** Which tool a model shall call. Throws `invalid_request` for a choice that is neither a word nor a function. */
export function toolChoiceOf(
  choice: ToolChoice | null | undefined,
): NonNullable<ModelRequest['toolChoice']> | undefined {
  if (choice === null || choice === undefined) return undefined;
  if (typeof choice === 'string') return choice;
  const tool = choice.function?.name ?? choice.name;
  if (choice.type === 'function' && tool !== undefined) return { tool };
  throw invalidField('tool_choice', 'must be none, auto, required, or one function by its name');
}

/** Maps a caller’s function for a model. Throws `invalid_request` for other kinds of tools. */
export function toolOf(
  type: string,
  tool:
    | {
        readonly name?: string | undefined;
        readonly description?: string | null | undefined;
        readonly parameters?: Record<string, unknown> | null | undefined;
      }
    | undefined,
  path: string,
): ModelRequest['tools'][number] {
  if (type !== 'function') throw invalidField(`${path}.type`, `a tool of type ${type} is not supported; use function`);
  if (tool?.name === undefined) throw invalidField(path, 'a function needs a name');
  return {
    name: tool.name,
    description: tool.description ?? '',
    inputSchema: tool.parameters ?? { type: 'object', properties: {} },
  };
}

/** The form that an answer shall have. Throws `invalid_request` for a form that is neither text nor JSON. */
export function jsonOf(
  type: string,
  format: { readonly name?: string | null | undefined; readonly schema?: Record<string, unknown> | null | undefined },
  path: string,
): ModelRequest['json'] {
  if (type === 'text') return undefined;
  if (type === 'json_object') return {};
  if (type !== 'json_schema') throw invalidField(`${path}.type`, 'must be text, json_object or json_schema');
  if (format.schema === null || format.schema === undefined) throw invalidField(path, 'a json_schema needs its schema');
  return { schema: format.schema, ...(format.name && { name: format.name }) };
}
