import { AIMessage, HumanMessage, ToolMessage, type Message } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { PostgresSaver } from '@langchain/langgraph-checkpoint-postgres';
import { END, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';
import { ToolNode } from '@langchain/langgraph/prebuilt';
import { z } from 'zod';
import { resultOf, say, TOOL, type Address, type Engine, type Hooks, type Shape } from '../engine.ts';

/** LangGraph.js: a graph of an agent and its tools, checkpointed to PostgreSQL. `sync`: each step is stored before the next begins. */
export async function open(
  { url = '' }: Address,
  hooks: Hooks,
  durability: 'sync' | 'async' = 'sync',
): Promise<Engine> {
  const checkpointer = PostgresSaver.fromConnString(url);
  await checkpointer.setup();
  const doNothing = tool(
    async (input) => {
      hooks.called();
      return JSON.stringify(resultOf(input));
    },
    {
      name: TOOL,
      description: 'Does nothing.',
      schema: z.object({ seed: z.string(), call: z.number(), bytes: z.number() }),
    },
  );
  const graph = new StateGraph(MessagesAnnotation)
    .addNode('agent', async ({ messages }) => ({ messages: [await answer(messages, hooks)] }))
    .addNode('tools', new ToolNode([doNothing]))
    .addEdge(START, 'agent')
    .addConditionalEdges('agent', ({ messages }) => ((messages.at(-1) as AIMessage).tool_calls?.length ? 'tools' : END))
    .addEdge('tools', 'agent')
    .compile({ checkpointer });
  const options = ({ seed, toolCalls }: Shape) => ({
    configurable: { thread_id: seed },
    durability,
    recursionLimit: 2 * toolCalls + 10,
  });
  return {
    async run(shape) {
      const { messages } = await graph.invoke({ messages: [new HumanMessage(JSON.stringify(shape))] }, options(shape));
      return String(messages.at(-1)?.content);
    },
    async resume(shape) {
      const takenAt = performance.now();
      void graph.invoke(null, options(shape)).catch((error: unknown) => console.error(error));
      return takenAt;
    },
    [Symbol.asyncDispose]: () => checkpointer.end(),
  };
}

async function answer(messages: readonly Message[], hooks: Hooks): Promise<AIMessage> {
  hooks.asked();
  const shape = JSON.parse(String(messages[0]!.content)) as Shape;
  const said = say(shape, messages.filter((message) => message instanceof ToolMessage).length);
  if (said.do === 'answer') return new AIMessage(said.text);
  if (said.do === 'call')
    return new AIMessage({
      content: '',
      tool_calls: [{ id: said.id, name: TOOL, args: said.input, type: 'tool_call' }],
    });
  hooks.hanging();
  return new Promise(() => undefined);
}
