import {
  ErrorBody,
  type AnswerOf,
  type BodyInputOf,
  type QueryInputOf,
  type Route,
  type RunEvent,
  type TaskEvent,
  routes,
} from '@reeve/contract';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { ClientError } from './error.ts';

export interface ClientOptions {
  /** Origin of the server, such as `http://127.0.0.1:8080`; empty for the page's own. */
  readonly baseUrl?: string;
  readonly apiKey?: string;
  /** Replaces the global fetch: a test's, or the server's own application in one process. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

export interface CallOptions<R> {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: QueryInputOf<R>;
  readonly body?: BodyInputOf<R>;
  /** The body of a route that takes bytes. */
  readonly upload?: Blob | Uint8Array<ArrayBuffer>;
  /** Sent as a form with the fields of `body`, on a route that takes a file. */
  readonly file?: { readonly name: string; readonly content: Blob };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Client {
  /** Calls a route and returns its JSON; throws ClientError for every other answer and for a server out of reach. */
  call<R extends Route>(route: R, options?: CallOptions<R>): Promise<AnswerOf<R>>;
  /** Calls a route that answers bytes; throws as `call` does. */
  bytes<R extends Route>(route: R, options?: CallOptions<R>): Promise<Blob>;
  /** Opens a stream of run events. Ends at `[DONE]`; throws ClientError where it breaks off before. */
  stream<R extends Route>(
    route: R,
    options?: CallOptions<R> & { lastEventId?: number },
  ): AsyncGenerator<RunEvent, void>;
  /** Reads an answer of lines one by one, as they come; throws ClientError where it breaks off. */
  lines<R extends Route>(route: R, options?: CallOptions<R>): AsyncGenerator<string, void>;
  /** Follows a run to its end, reconnecting by itself; every event after `after` comes exactly once. */
  followRun(runId: string, options?: { after?: number; signal?: AbortSignal }): AsyncGenerator<RunEvent, void>;
  /**
   * Follows what happens to the tenant's tasks until the signal aborts, which it then throws, reconnecting by itself;
   * every event after the id `after` (without it: from now on) comes exactly once. Throws ClientError where the server
   * refuses, or is out of reach for more than a minute.
   */
  followTasks(options?: FollowTasks): AsyncGenerator<TaskEvent, void>;
  /** Follows one task from its creation, or the event with the id `after`, until it has ended; fails as `followTasks` does. */
  followTask(taskId: string, options?: { after?: string; signal?: AbortSignal }): AsyncGenerator<TaskEvent, void>;
}

export interface FollowTasks {
  readonly after?: string;
  readonly agentId?: string;
  readonly taskType?: string;
  readonly signal?: AbortSignal;
}

/** A client of one Reeve server, typed by the contract. */
export function createClient(options: ClientOptions = {}): Client {
  const send = options.fetch ?? ((request: Request) => fetch(request));

  async function request<R extends Route>(
    route: R,
    call: CallOptions<R>,
    headers: Record<string, string>,
  ): Promise<Response> {
    const url = urlOf(options.baseUrl ?? '', route.path, call.params ?? {}, (call.query ?? {}) as QueryValues);
    const init: RequestInit = {
      method: route.method,
      headers: {
        accept: 'application/json',
        ...(options.apiKey !== undefined && { authorization: `Bearer ${options.apiKey}` }),
        ...(call.body !== undefined && call.file === undefined && { 'content-type': 'application/json' }),
        ...(call.upload !== undefined && { 'content-type': 'application/octet-stream' }),
        ...headers,
        ...call.headers,
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      ...(call.file !== undefined && { body: formOf(call.file, call.body) }),
      ...(call.upload !== undefined && { body: call.upload }),
      ...(call.signal !== undefined && { signal: call.signal }),
    };
    let response: Response;
    try {
      response = await send(new Request(url, init));
    } catch (error) {
      if (call.signal?.aborted) throw error;
      throw new ClientError({ status: 0, code: 'unreachable', message: `no answer to ${route.method} ${url}` }, error);
    }
    if (!response.ok) throw await errorOf(response, call.signal);
    return response;
  }

  /** The events of a stream of tasks to its end, through every reconnection. */
  async function* followTaskEvents<R extends Route>(
    route: R,
    call: CallOptions<R>,
    after: string | undefined,
  ): AsyncGenerator<TaskEvent, void> {
    let last = after;
    const retry = createRetry(call.signal);
    for (;;) {
      try {
        const response = await request(route, call, streamHeaders(last));
        retry.reset();
        // A tenant's stream begins with the id of its place: kept, so that a loss before the first event loses none.
        const setBegin = route.path === routes.streamTasks.path ? (id: string) => (last ??= id) : undefined;
        for await (const event of eventsOf<TaskEvent>(response, call.signal, setBegin)) {
          last = event.id;
          yield event;
        }
        return;
      } catch (error) {
        await retry.after(error);
      }
    }
  }

  const client: Client = {
    async call(route, call = {}) {
      const response = await request(route, call, {});
      if (response.status === 204) return null as never;
      const text = await textOf(response, call.signal);
      if (route.produces !== undefined) return text as never;
      const answer = parse(text);
      if (answer === undefined) throw unreadable(response);
      return answer as never;
    },
    async bytes(route, call = {}) {
      const response = await request(route, call, { accept: '*/*' });
      return response.blob().catch((error: unknown) => {
        throw call.signal?.aborted ? error : broken('the answer', error);
      });
    },
    async *stream(route, call = {}) {
      const response = await request(route, call, streamHeaders(call.lastEventId));
      yield* eventsOf<RunEvent>(response, call.signal);
    },
    async *lines(route, call = {}) {
      const response = await request(route, call, {});
      if (response.body === null) return;
      let rest = '';
      try {
        for await (const chunk of response.body.pipeThrough(
          new TextDecoderStream() as never,
        ) as AsyncIterable<string>) {
          const lines = `${rest}${chunk}`.split('\n');
          rest = lines.pop() ?? '';
          yield* lines;
        }
      } catch (error) {
        throw call.signal?.aborted ? error : broken('the answer', error);
      }
      if (rest !== '') yield rest;
    },
    async *followRun(runId, { after = 0, signal } = {}) {
      let last = after;
      const retry = createRetry(signal);
      for (;;) {
        try {
          const events = client.stream(routes.streamRun, {
            params: { id: runId },
            lastEventId: last,
            ...(signal !== undefined && { signal }),
          });
          for await (const event of events) {
            retry.reset();
            if (event.seq <= last) continue;
            last = event.seq;
            yield event;
          }
          return;
        } catch (error) {
          await retry.after(error);
        }
      }
    },
    async *followTasks({ after, agentId, taskType, signal } = {}) {
      const query = {
        ...(agentId !== undefined && { agent_id: agentId }),
        ...(taskType !== undefined && { task_type: taskType }),
      };
      yield* followTaskEvents(routes.streamTasks, { query, ...(signal !== undefined && { signal }) }, after);
    },
    async *followTask(taskId, { after, signal } = {}) {
      const call = { params: { id: taskId }, ...(signal !== undefined && { signal }) };
      yield* followTaskEvents(routes.streamTask, call, after);
    },
  };
  return client;
}

/** Waits longer after each failure in a row; throws one that a further attempt would only repeat, and the twenty-first. */
function createRetry(signal: AbortSignal | undefined) {
  let failures = 0;
  return {
    reset() {
      failures = 0;
    },
    async after(error: unknown): Promise<void> {
      const gone = error instanceof ClientError && error.status >= 400 && error.status < 500 && error.status !== 429;
      if (signal?.aborted || gone || ++failures > 20) throw error;
      await pause(Math.min(250 * 2 ** failures, 5_000), signal);
    },
  };
}

function streamHeaders(lastEventId: string | number | undefined): Record<string, string> {
  return {
    accept: 'text/event-stream',
    ...(lastEventId !== undefined && { 'last-event-id': String(lastEventId) }),
  };
}

type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A form with a file and the fields of a body; lists are repeated fields. */
function formOf({ name, content }: { name: string; content: Blob }, body: unknown): FormData {
  const form = new FormData();
  for (const [field, value] of Object.entries(body ?? {}))
    for (const one of [value].flat()) if (one != null) form.append(field, String(one));
  form.append('file', content, name);
  return form;
}

function urlOf(
  base: string,
  path: string,
  params: Readonly<Record<string, string | number>>,
  query: QueryValues,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name] ?? '')));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) search.set(name, String(value));
  const origin = base === '' && typeof location !== 'undefined' ? location.origin : base.replace(/\/$/, '');
  return `${origin}${filled}${search.size > 0 ? `?${search}` : ''}`;
}

async function errorOf(response: Response, signal: AbortSignal | undefined): Promise<ClientError> {
  const body = ErrorBody.safeParse(parse(await textOf(response, signal)));
  if (!body.success) return unreadable(response);
  const { error, code, details, access, request_id, trace_id, run_id } = body.data;
  return new ClientError({
    status: response.status,
    code,
    message: error,
    details: details ?? [],
    requestId: request_id,
    traceId: trace_id,
    ...(access !== undefined && { access }),
    ...(run_id !== undefined && { runId: run_id }),
  });
}

async function textOf(response: Response, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw broken('the answer', error);
  }
}

function unreadable({ status }: Response): ClientError {
  return new ClientError({
    status,
    code: 'internal',
    message: `the server answered ${status} without a readable body`,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* eventsOf<Event>(
  response: Response,
  signal: AbortSignal | undefined,
  onId?: (id: string) => void,
): AsyncGenerator<Event, void> {
  if (response.body === null) throw broken('the stream');
  const reader = response.body
    .pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(new EventSourceParserStream({ onId }))
    .getReader();
  // A server in this process does not hear of the signal by itself.
  const leave = () => void reader.cancel().catch(() => undefined);
  signal?.addEventListener('abort', leave, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw signal?.aborted ? error : broken('the stream', error);
      });
      signal?.throwIfAborted();
      if (done) throw broken('the stream');
      if (value.data === '[DONE]') return;
      yield JSON.parse(value.data) as Event;
    }
  } finally {
    signal?.removeEventListener('abort', leave);
    await reader.cancel().catch(() => undefined);
  }
}

function broken(what: string, cause?: unknown): ClientError {
  return new ClientError({ status: 0, code: 'unreachable', message: `${what} broke off before its end` }, cause);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}
