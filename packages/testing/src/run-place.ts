import type { BodyInputOf, RunEvent } from '@reeve/contract';
import { routes } from '@reeve/contract';
import { createCaller, type Caller } from './http-place.ts';
import { startReeve, type Reeve } from './reeve.ts';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from './upstream/index.ts';

/** A real server that listens, works on its queue, and asks the fake upstream. */
export interface RunPlace extends AsyncDisposable {
  readonly reeve: Reeve;
  readonly upstream: FakeUpstream;
  /** An admin of the tenant `default`, with the user id `key-1`. */
  readonly admin: Caller;
  /** An admin of the tenant `other`. */
  readonly stranger: Caller;
  makeAgent(slug: string, fields?: Partial<BodyInputOf<typeof routes.createAgent>>): Promise<void>;
}

const KEY = 'rv_test_key';
const SECRET = 'a secret between services';

/** Opens one on a database of its own. The price of its model is not known. */
export async function openRunPlace(): Promise<RunPlace> {
  const upstream = await startFakeUpstream();
  const reeve = await startReeve({
    ...modelSettings(upstream),
    REEVE_API_KEY: KEY,
    REEVE_INTERNAL_SECRET: SECRET,
  });
  const as = (headers: Readonly<Record<string, string>>) => createCaller(fetch, headers, reeve.url);
  const admin = as({ authorization: `Bearer ${KEY}` });
  return {
    reeve,
    upstream,
    admin,
    stranger: as({ 'x-internal-service': 'true', 'x-internal-service-secret': SECRET, 'x-tenant-id': 'other' }),
    async makeAgent(slug, fields = {}) {
      await admin.call(routes.createAgent, { body: { name: slug, slug, tools: ['calculator'], ...fields } });
    },
    async [Symbol.asyncDispose]() {
      await reeve[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** What lets a server ask the fake upstream. */
export function modelSettings({ url }: FakeUpstream): Record<string, string> {
  return { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'some-model', LLM_BASE_URL: url, LLM_API_KEY: 'secret-key-1' };
}

/** An answer of the upstream that calls the calculator. */
export function calculate(...expressions: readonly string[]): UpstreamReply {
  return { toolCalls: expressions.map((expression) => ({ name: 'calculator', input: { expression } })) };
}

/** The first event of a stream that this holds for; the stream is left then. Fails where it ends without one. */
export async function firstEvent<Event extends RunEvent>(
  events: AsyncIterable<RunEvent>,
  holds: (event: RunEvent) => event is Event,
): Promise<Event> {
  const seen: string[] = [];
  for await (const event of events) {
    if (holds(event)) return event;
    seen.push(event.type);
  }
  throw new Error(`the stream ended without it: ${seen.join(', ')}`);
}

type Asked = Extract<RunEvent, { type: 'approval_required' }>;
type Waiting = Extract<RunEvent, { type: 'system' }>;

/** A person is asked. */
export const isAsked = (event: RunEvent): event is Asked => event.type === 'approval_required';

/** The run was put aside. */
export const isParked = (event: RunEvent): event is Waiting =>
  event.type === 'system' && event.waiting_for !== undefined;
