import { Mastra } from '@mastra/core';
import { Agent } from '@mastra/core/agent';
import { createTool } from '@mastra/core/tools';
import { PostgresStore } from '@mastra/pg';
import { z } from 'zod';
import { resultOf, say, SYSTEM_PROMPT, TOOL, type Address, type Engine, type Hooks, type Shape } from '../engine.ts';

/** Mastra: a durable agent whose running steps are snapshots in PostgreSQL, as its recovery after a crash needs them. */
export async function open({ url = '' }: Address, hooks: Hooks): Promise<Engine> {
  const storage = new PostgresStore({ id: 'bench', connectionString: url });
  await storage.init();
  const doNothing = createTool({
    id: TOOL,
    description: 'Does nothing.',
    inputSchema: z.object({ seed: z.string(), call: z.number(), bytes: z.number() }),
    execute: async (input) => {
      hooks.called();
      return resultOf(input);
    },
  });
  const agent = new Agent({
    id: 'worker',
    name: 'Worker',
    instructions: SYSTEM_PROMPT,
    model: modelOf(hooks),
    tools: { [TOOL]: doNothing },
    durable: true,
  });
  const mastra = new Mastra({ agents: { worker: agent }, storage, logger: false, recovery: { durableAgents: 'auto' } });
  const worker = mastra.getAgent('worker');
  return {
    async run(shape) {
      const { text } = await worker.generate(JSON.stringify(shape), {
        runId: shape.seed,
        maxSteps: shape.toolCalls + 2,
      });
      return text;
    },
    async resume({ seed }) {
      const takenAt = performance.now();
      void worker.recover(seed).catch((error: unknown) => console.error(error));
      return takenAt;
    },
    [Symbol.asyncDispose]: () => storage.close(),
  };
}

type Prompt = readonly {
  readonly role: string;
  readonly content: readonly { readonly type: string; readonly text?: string }[];
}[];

function modelOf(hooks: Hooks) {
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 };
  const answer = async (prompt: Prompt) => {
    hooks.asked();
    const text = prompt.find(({ role }) => role === 'user')?.content.find(({ type }) => type === 'text')?.text ?? '{}';
    const results = prompt
      .flatMap(({ content }) => (Array.isArray(content) ? content : []))
      .filter(({ type }) => type === 'tool-result');
    const said = say(JSON.parse(text) as Shape, results.length);
    if (said.do !== 'hang') return said;
    hooks.hanging();
    return new Promise<never>(() => undefined);
  };
  return {
    specificationVersion: 'v2',
    provider: 'bench',
    modelId: 'bench',
    supportedUrls: {},
    async doGenerate({ prompt }: { prompt: Prompt }) {
      const said = await answer(prompt);
      return {
        content: [
          said.do === 'call'
            ? { type: 'tool-call', toolCallId: said.id, toolName: TOOL, input: JSON.stringify(said.input) }
            : { type: 'text', text: said.text },
        ],
        finishReason: said.do === 'call' ? 'tool-calls' : 'stop',
        usage,
        warnings: [],
      };
    },
    async doStream({ prompt }: { prompt: Prompt }) {
      const said = await answer(prompt);
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue({ type: 'stream-start', warnings: [] });
          if (said.do === 'call')
            controller.enqueue({
              type: 'tool-call',
              toolCallId: said.id,
              toolName: TOOL,
              input: JSON.stringify(said.input),
            });
          else {
            controller.enqueue({ type: 'text-start', id: '1' });
            controller.enqueue({ type: 'text-delta', id: '1', delta: said.text });
            controller.enqueue({ type: 'text-end', id: '1' });
          }
          controller.enqueue({ type: 'finish', finishReason: said.do === 'call' ? 'tool-calls' : 'stop', usage });
          controller.close();
        },
      });
      return { stream };
    },
  };
}
