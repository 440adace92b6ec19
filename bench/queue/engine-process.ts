import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Address } from './engine.ts';
import type { Calls, Progress, Reply, Request } from './host.ts';

/** An engine in a process of its own. */
export interface EngineProcess extends AsyncDisposable {
  call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>>;
  /** Hears of what the worker has done, every 20 ms while it does something. */
  hear: ((progress: Progress) => void) | undefined;
}

/** Longest time that an engine may take to close, in milliseconds. */
const CLOSE_MS = 15_000;

/** Starts host.ts and waits until its engine is open. */
export async function startEngineProcess(engine: string, address: Address): Promise<EngineProcess> {
  const child = fork(join(import.meta.dirname, 'host.ts'), [engine, JSON.stringify(address)], { execArgv: [] });
  const exited = once(child, 'exit');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;

  const wait = (id: number) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(id, answer);
    return answer;
  };
  const self: EngineProcess = {
    hear: undefined,
    call(name, ...args) {
      const id = ++lastId;
      const answer = wait(id);
      child.send({ id, name, args } satisfies Request, (error) => error && answer.reject(error));
      return answer.promise as Promise<never>;
    },
    async [Symbol.asyncDispose]() {
      const lastResort = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
      if (child.connected) {
        await self.call('close').catch(() => undefined);
        if (child.connected) child.disconnect();
      }
      await exited;
      clearTimeout(lastResort);
    },
  };
  child.on('message', (reply: Reply) => {
    if ('progress' in reply) return self.hear?.(reply.progress);
    const answer = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) answer?.reject(new Error(`${engine}: ${reply.error}`));
    else answer?.resolve(reply.result);
  });
  child.on('exit', (code, signal) => {
    for (const answer of waiting.values()) answer.reject(new Error(`${engine}: its process ended (${signal ?? code})`));
    waiting.clear();
  });
  await wait(0).promise;
  return self;
}
