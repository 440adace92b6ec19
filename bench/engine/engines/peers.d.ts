// What is used here of the packages that are installed on demand, so that types can be checked without them.

declare module '@dbos-inc/dbos-sdk' {
  export const DBOS: {
    setConfig(config: { name: string; systemDatabaseUrl: string; logLevel: string }): void;
    registerWorkflow<Args extends unknown[], Result>(
      workflow: (...args: Args) => Promise<Result>,
      options: { name: string },
    ): (...args: Args) => Promise<Result>;
    runStep<Result>(step: () => Promise<Result>, options: { name: string }): Promise<Result>;
    startWorkflow<Args extends unknown[], Result>(
      workflow: (...args: Args) => Promise<Result>,
      options: { workflowID: string },
    ): (...args: Args) => Promise<{ getResult(): Promise<Result> }>;
    launch(): Promise<void>;
    shutdown(): Promise<void>;
  };
}

declare module '@langchain/core/messages' {
  export interface Message {
    readonly content: unknown;
  }
  interface ToolCall {
    readonly id: string;
    readonly name: string;
    readonly args: object;
    readonly type: 'tool_call';
  }
  export class HumanMessage implements Message {
    constructor(content: string);
    readonly content: unknown;
  }
  export class ToolMessage implements Message {
    readonly content: unknown;
    readonly tool_call_id: string;
  }
  export class AIMessage implements Message {
    constructor(content: string | { content: string; tool_calls: ToolCall[] });
    readonly content: unknown;
    readonly tool_calls?: ToolCall[];
  }
}

declare module '@langchain/core/tools' {
  import type { ZodType } from 'zod';

  export function tool<Input>(
    execute: (input: Input) => Promise<string>,
    options: { name: string; description: string; schema: ZodType<Input> },
  ): unknown;
}

declare module '@langchain/langgraph-checkpoint-postgres' {
  export class PostgresSaver {
    static fromConnString(url: string): PostgresSaver;
    setup(): Promise<void>;
    end(): Promise<void>;
  }
}

declare module '@langchain/langgraph' {
  import type { Message } from '@langchain/core/messages';

  interface State {
    readonly messages: Message[];
  }
  interface Options {
    configurable: { thread_id: string };
    durability: 'sync' | 'async';
    recursionLimit: number;
  }
  export const START: '__start__';
  export const END: '__end__';
  export const MessagesAnnotation: object;
  export class StateGraph {
    constructor(state: object);
    addNode(name: string, node: object | ((state: State) => Promise<State>)): this;
    addEdge(from: string, to: string): this;
    addConditionalEdges(from: string, next: (state: State) => string): this;
    compile(options: { checkpointer: object }): { invoke(state: State | null, options: Options): Promise<State> };
  }
}

declare module '@langchain/langgraph/prebuilt' {
  export class ToolNode {
    constructor(tools: readonly unknown[]);
  }
}

declare module '@mastra/core' {
  interface DurableAgent {
    generate(message: string, options: { runId: string; maxSteps: number }): Promise<{ text: string }>;
    recover(runId: string): Promise<unknown>;
  }
  export class Mastra {
    constructor(options: {
      agents: Record<string, object>;
      storage: object;
      logger: false;
      recovery: { durableAgents: 'auto' };
    });
    getAgent(name: string): DurableAgent;
  }
}

declare module '@mastra/core/agent' {
  export class Agent {
    constructor(options: {
      id: string;
      name: string;
      instructions: string;
      model: object;
      tools: Record<string, unknown>;
      durable: boolean;
    });
  }
}

declare module '@mastra/core/tools' {
  import type { ZodType } from 'zod';

  export function createTool<Input>(options: {
    id: string;
    description: string;
    inputSchema: ZodType<Input>;
    execute: (input: Input) => Promise<unknown>;
  }): unknown;
}

declare module '@mastra/pg' {
  export class PostgresStore {
    constructor(options: { id: string; connectionString: string });
    init(): Promise<void>;
    close(): Promise<void>;
  }
}
