import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Address } from './engine.ts';
import type { Calls, Reply, Request } from './host.ts';

/** An engine in a process of its own. */
export interface EngineProcess extends AsyncDisposable {
  call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>>;
  /** Resolves when a model hangs that was told to. */
  readonly hanging: Promise<void>;
  /** Ends it by SIGKILL and waits. */
  kill(): Promise<void>;
}

/** Longest time that an engine may take to open or to close, and that a call may take, in milliseconds. */
const OPEN_MS = 60_000;
const CLOSE_MS = 10_000;
const CALL_MS = 300_000;

/** Starts host.ts and waits until its engine is open. */
export async function startEngineProcess(engine: string, address: Address): Promise<EngineProcess> {
  const child = fork(join(import.meta.dirname, 'host.ts'), [engine, JSON.stringify(address)], {
    execArgv: ['--no-deprecation'],
  });
  const exited = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const hanging = Promise.withResolvers<void>();
  let lastId = 0;

  const wait = (id: number, ms: number) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    const timer = setTimeout(() => answer.reject(new Error(`${engine}: no answer within ${ms / 1000} s`)), ms);
    return answer.promise.finally(() => clearTimeout(timer));
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  child.on('message', (reply: Reply) => {
    if ('hanging' in reply) return hanging.resolve();
    const answer = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) answer?.reject(new Error(`${engine}: ${reply.error}`));
    else answer?.resolve(reply.result);
  });
  child.on('exit', (code, signal) => {
    for (const answer of waiting.values()) answer.reject(new Error(`${engine}: its process ended (${signal ?? code})`));
    waiting.clear();
  });
  try {
    await wait(0, OPEN_MS);
  } catch (error) {
    await kill();
    throw error;
  }
  const call: EngineProcess['call'] = (name, ...args) => {
    const id = ++lastId;
    const answer = wait(id, CALL_MS);
    child.send({ id, name, args } satisfies Request, (error) => error && waiting.get(id)?.reject(error));
    return answer as Promise<never>;
  };
  return {
    call,
    kill,
    hanging: hanging.promise,
    async [Symbol.asyncDispose]() {
      const lastResort = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
      if (child.connected) await call('close').catch(() => undefined);
      if (child.connected) child.disconnect();
      await exited;
      clearTimeout(lastResort);
    },
  };
}
