// node host.ts <engine> <address as JSON>: one engine in a process of its own, which does what its parent asks over IPC.
import type { Address, OpenEngine, Shape } from './engine.ts';

/** What runs cost this process. */
export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** What the parent can ask for. */
export type Calls = typeof calls;
export type Request = { readonly id: number; readonly name: keyof Calls; readonly args: readonly unknown[] };
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly hanging: true };

let asked = Promise.withResolvers<number>();
let called = 0;
const hooks = {
  asked: () => asked.resolve(performance.now()),
  hanging: () => tell({ hanging: true }),
  called: () => void (called += 1),
};
const [engineName, address] = process.argv.slice(2) as [string, string];
const { open } = (await import(`./engines/${engineName}.ts`)) as { open: OpenEngine };
const engine = await open(JSON.parse(address) as Address, hooks);

const calls = {
  /** One run after the other. Throws where one did not do all its work. */
  async work(shapes: readonly Shape[]): Promise<Cost> {
    const cpu = process.cpuUsage();
    const begun = performance.now();
    for (const shape of shapes) {
      called = 0;
      const said = await engine.run(shape);
      if (said !== 'Worked.' || called !== shape.toolCalls)
        throw new Error(`a run of ${shape.toolCalls} tool calls made ${called} and said ${said}`);
    }
    const { user, system } = process.cpuUsage(cpu);
    return { wallMs: performance.now() - begun, cpuMs: (user + system) / 1000 };
  },

  /** Begins a run that does not end; the parent hears when the model hangs. */
  async hang(shape: Shape): Promise<void> {
    engine.run(shape).catch(() => undefined);
  },

  /** Milliseconds from taking up such a run to the next call of its model. */
  async resume(shape: Shape): Promise<number> {
    asked = Promise.withResolvers();
    const takenAt = await engine.resume(shape);
    return (await asked.promise) - takenAt;
  },

  async close(): Promise<void> {
    await engine[Symbol.asyncDispose]();
  },
};

process.on('message', (request: Request) => void answer(request));
process.on('disconnect', () => process.exit());
tell({ id: 0, result: null });

async function answer({ id, name, args }: Request): Promise<void> {
  try {
    const call = calls[name] as (...given: readonly unknown[]) => Promise<unknown>;
    tell({ id, result: await call(...args) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function tell(reply: Reply): void {
  if (process.connected) process.send!(reply);
}
