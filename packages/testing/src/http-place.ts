import assert from 'node:assert/strict';
import { createClient, type CallOptions, type Client } from '@reeve/client';
import {
  routes,
  type Agent,
  type AnswerOf,
  type ErrorDetail,
  type Route,
  type Task,
  type TaskDraft,
} from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import { readConfig, startReeve } from '@reeve/server';
import { createTestDatabase, passTime } from './database.ts';

/** One who calls the API. */
export interface Caller {
  readonly client: Client;
  /** Calls a route as the client does, and checks that the answer has exactly the fields of the contract. */
  call<R extends Route>(route: R, options?: CallOptions<R>): Promise<AnswerOf<R>>;
  /** The bare answer to a path. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Puts a task for the built-in assistant into the queue. */
  give(task?: Partial<TaskDraft>): Promise<Task>;
  task(id: string): Promise<Task>;
}

/** A whole Reeve, reached through its routes; nothing is worked on but by `work`. */
export interface HttpPlace extends AsyncDisposable {
  /** An admin of the tenant `default`, with the user id `key-1`. */
  readonly admin: Caller;
  /** The member `ada` of the tenant `default`. */
  readonly member: Caller;
  /** An admin of the tenant `other`. */
  readonly stranger: Caller;
  /** An agent that may make one step, and so fails at what needs a tool. */
  readonly hasty: Agent;
  /** Works on everything that is ready, and on what becomes ready by that. */
  work(): Promise<void>;
  passTime(ms: number): Promise<void>;
}

const KEY = 'rv_test_key';
const SECRET = 'a secret between services';

/** Opens a Reeve on a database of its own, with the built-in model. */
export async function openHttpPlace(): Promise<HttpPlace> {
  const place = await createTestDatabase();
  const { config } = readConfig({
    REEVE_DATA_DIR: place.dataDirectory,
    DATABASE_URL: place.url,
    LLM_PROVIDER: 'mock',
    REEVE_API_KEY: KEY,
    REEVE_INTERNAL_SECRET: SECRET,
    REEVE_TRUST_USER_HEADER: 'true',
  });
  const reeve = await startReeve({ config, log: silentLog, command: 'test', serve: false });
  const as = (headers: Readonly<Record<string, string>>) => createCaller(reeve.fetch, headers);
  const admin = as({ authorization: `Bearer ${KEY}` });
  const hasty = await admin.call(routes.createAgent, {
    body: { name: 'Hasty', tools: ['calculator'], limits: { max_steps: 1 } },
  });
  return {
    admin,
    member: as({ 'x-user-id': 'ada' }),
    stranger: as({ 'x-internal-service': 'true', 'x-internal-service-secret': SECRET, 'x-tenant-id': 'other' }),
    hasty,
    async work() {
      while ((await reeve.worker!.runOnce(20)).length > 0);
    },
    passTime: (ms) => passTime(reeve.database, ms),
    async [Symbol.asyncDispose]() {
      await reeve[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Asserts that a call is refused with this status and code, and for this field where one is named. */
export async function refused(call: Promise<unknown>, status: number, code: string, path?: string): Promise<void> {
  await assert.rejects(call, (error: { status: number; code: string; message: string; details: ErrorDetail[] }) => {
    assert.deepEqual([error.status, error.code], [status, code], error.message);
    if (path !== undefined) assert.deepEqual([...new Set(error.details.map((detail) => detail.path))], [path]);
    return true;
  });
}

/** One who calls through `send`, with these headers. */
export function createCaller(
  send: (request: Request) => Promise<Response>,
  headers: Readonly<Record<string, string>>,
  baseUrl = 'http://127.0.0.1',
): Caller {
  const sendAs = (request: Request) => {
    for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
    return send(request);
  };
  const client = createClient({ baseUrl, fetch: sendAs });
  const caller: Caller = {
    client,
    async call(route, options) {
      const answer = await client.call(route, options);
      const schema = route.responses[200] ?? route.responses[201];
      if (schema) assert.deepEqual(schema.parse(answer), answer);
      return answer;
    },
    fetch: (path, init) => sendAs(new Request(`${baseUrl}${path}`, init)),
    async give(task = {}) {
      const body = { agent_id: 'assistant', task_type: 'sum', title: 'What is 6 * 7?', ...task };
      return (await caller.call(routes.createTask, { body })).task;
    },
    task: async (id) => (await caller.call(routes.getTask, { params: { id } })).task,
  };
  return caller;
}
