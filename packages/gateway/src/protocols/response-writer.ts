import type { ResponseEvent, ResponseItem, ResponseObject, ResponseUsage } from '@reeve/contract';

/** Fields of a response that are known from its start. */
export interface ResponseBase {
  readonly id: string;
  readonly object: 'response';
  readonly created_at: number;
  readonly model: string;
  readonly instructions: string | null;
  readonly metadata: Record<string, unknown>;
  readonly previous_response_id: string | null;
  readonly background: boolean;
  /** Fields that clients expect in addition. */
  readonly [more: string]: unknown;
}

/** How a response ended. */
export interface ResponseEnd {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'incomplete';
  readonly usage: ResponseUsage | null;
  readonly error?: ResponseObject['error'];
  /** Why it is incomplete. */
  readonly reason?: string;
}

/** A tool call, with its arguments as JSON text. */
export interface WrittenCall {
  /** Distinguishes the calls of one response. */
  readonly key: string;
  readonly name: string;
  readonly arguments: string;
}

interface Streamed {
  readonly kind: 'message' | 'reasoning';
  readonly index: number;
  readonly item: ResponseItem;
  readonly step: number;
  text: string;
}

/*
 * Writes a response as Open Responses tells it. At most one item streams text at a time; it is opened by its first delta and
 * closed by whatever else comes. Calls that an agent makes by itself stay open until they have a result. Every event takes
 * the next number, so that the same calls give the same events.
 */
export function createResponseWriter(base: ResponseBase) {
  const output: ResponseItem[] = [];
  const steps: number[] = [];
  const calls = new Map<string, number>();
  let events: ResponseEvent[] = [];
  let sequence = 0;
  let open: Streamed | undefined;

  const emit = (type: string, fields: Readonly<Record<string, unknown>>) =>
    void events.push({ type, sequence_number: sequence++, ...fields });
  const written = (): ResponseEvent[] => {
    const taken = events;
    events = [];
    return taken;
  };

  function snapshot(end?: ResponseEnd): ResponseObject {
    return {
      ...base,
      status: end?.status ?? 'in_progress',
      output: [...output],
      error: end?.error ?? null,
      incomplete_details: end?.reason === undefined ? null : { reason: end.reason },
      usage: end?.usage ?? null,
    };
  }

  function add(item: ResponseItem, step: number): number {
    steps.push(step);
    const index = output.push(item) - 1;
    emit('response.output_item.added', { output_index: index, item });
    return index;
  }

  function finish(index: number, item: ResponseItem): void {
    output[index] = item;
    emit('response.output_item.done', { output_index: index, item });
  }

  function idOf(prefix: string): string {
    return `${prefix}_${base.id.replace(/^resp_/, '')}_${output.length}`;
  }

  function openItem(kind: Streamed['kind'], step: number): Streamed {
    const item: ResponseItem =
      kind === 'message'
        ? { id: idOf('msg'), type: 'message', role: 'assistant', status: 'in_progress', content: [] }
        : { id: idOf('rs'), type: 'reasoning', status: 'in_progress', summary: [], content: [] };
    const index = add(item, step);
    emit('response.content_part.added', { ...place({ item, index }), part: part(kind, '') });
    return { kind, index, item, step, text: '' };
  }

  /** Ends the item that streams; a void one has no text in the end. */
  function closeItem(isVoid = false): void {
    if (open === undefined) return;
    const { kind, index, item, text } = open;
    const at = place(open);
    const done = part(kind, text);
    emit(`response.${EVENTS[kind]}.done`, { ...at, text, ...(kind === 'message' && { logprobs: [] }) });
    emit('response.content_part.done', { ...at, part: done });
    const status = isVoid ? ('incomplete' as const) : ('completed' as const);
    finish(index, { ...item, status, content: isVoid ? [] : [done] });
    open = undefined;
  }

  function stream(kind: Streamed['kind'], delta: string, step: number): ResponseEvent[] {
    if (open?.kind !== kind || open.step !== step) closeItem();
    open ??= openItem(kind, step);
    open.text += delta;
    emit(`response.${EVENTS[kind]}.delta`, { ...place(open), delta, ...(kind === 'message' && { logprobs: [] }) });
    return written();
  }

  function endCall(index: number, fields: Partial<ResponseItem>): void {
    const { id: item_id } = output[index]!;
    if (fields.status !== 'incomplete') emit(`response.mcp_call.${fields.status}`, { item_id, output_index: index });
    finish(index, { ...output[index]!, ...fields });
  }

  return {
    begin(): ResponseEvent[] {
      emit('response.created', { response: snapshot() });
      emit('response.in_progress', { response: snapshot() });
      return written();
    },
    text: (delta: string, step = 0) => stream('message', delta, step),
    reasoning: (delta: string, step = 0) => stream('reasoning', delta, step),

    /** Voids the text that a step has streamed. Its items stay, so that indexes do not change, but become empty. */
    discard(step: number): ResponseEvent[] {
      if (open?.step === step) closeItem(true);
      for (const [index, item] of output.entries())
        if (steps[index] === step && (item.type === 'message' || item.type === 'reasoning'))
          output[index] = { ...item, status: 'incomplete', content: [] };
      return written();
    },

    /** A call that the caller is to make. */
    functionCall({ key: call_id, name, arguments: text }: WrittenCall): ResponseEvent[] {
      closeItem();
      const item = {
        id: idOf('fc'),
        type: 'function_call',
        status: 'in_progress' as const,
        call_id,
        name,
        arguments: '',
      };
      const index = add(item, 0);
      const at = { item_id: item.id, output_index: index };
      emit('response.function_call_arguments.delta', { ...at, delta: text });
      emit('response.function_call_arguments.done', { ...at, name, arguments: text });
      finish(index, { ...item, status: 'completed', arguments: text });
      return written();
    },

    /** A call that an agent makes by itself. */
    callBegins({ key, name, arguments: text }: WrittenCall, step: number): ResponseEvent[] {
      closeItem();
      const item = { id: idOf('mcp'), type: 'mcp_call', status: 'in_progress' as const, server_label: SERVER, name };
      const index = add({ ...item, arguments: '', output: null, error: null }, step);
      const at = { item_id: item.id, output_index: index };
      emit('response.mcp_call.in_progress', at);
      emit('response.mcp_call_arguments.delta', { ...at, delta: text });
      emit('response.mcp_call_arguments.done', { ...at, arguments: text });
      output[index] = { ...output[index]!, arguments: text };
      calls.set(key, index);
      return written();
    },
    callEnds(key: string, failed: boolean, result: unknown): ResponseEvent[] {
      const index = calls.get(key);
      if (index === undefined) return [];
      calls.delete(key);
      closeItem();
      if (failed) endCall(index, { status: 'failed', error: { type: 'mcp_tool_execution_error', content: result } });
      else
        endCall(index, { status: 'completed', output: typeof result === 'string' ? result : JSON.stringify(result) });
      return written();
    },

    /** A call of an agent that awaits approval. */
    approvalAsked(approvalId: string, name: string, text: string, step: number): ResponseEvent[] {
      closeItem();
      const item = { id: approvalId, type: 'mcp_approval_request', server_label: SERVER, name, arguments: text };
      finish(add(item, step), item);
      return written();
    },

    end(end: ResponseEnd): ResponseEvent[] {
      closeItem();
      for (const index of calls.values()) endCall(index, { status: 'incomplete' });
      calls.clear();
      const type = end.status === 'cancelled' ? 'incomplete' : end.status;
      emit(`response.${type}`, { response: snapshot(end) });
      return written();
    },
    snapshot,
  };
}

/** How an agent’s own tools are called in Open Responses: as those of a server that is not the caller. */
const SERVER = 'reeve';
const EVENTS = { message: 'output_text', reasoning: 'reasoning_text' } as const;

function place({ item, index }: Pick<Streamed, 'item' | 'index'>) {
  return { item_id: item.id, output_index: index, content_index: 0 };
}

function part(kind: Streamed['kind'], text: string): Readonly<Record<string, unknown>> {
  return kind === 'message'
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'reasoning_text', text };
}
