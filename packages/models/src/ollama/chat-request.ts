import type { LanguageModelV4CallOptions, LanguageModelV4FunctionTool, LanguageModelV4Message } from '@ai-sdk/provider';

/** What Reeve sets for every call to an Ollama server. */
export interface OllamaSettings {
  /** The context window that a model is loaded with, in tokens; undefined leaves it to the server. */
  readonly windowOf: (model: string) => number | undefined;
  /** How long the server keeps a model in memory after a call, such as `30m`; `-1`: always. Undefined leaves it to the server. */
  readonly keepAlive: string | undefined;
}

type Part = Exclude<LanguageModelV4Message['content'], string>[number];

/**
 * The body of a call to `/api/chat`. The window is the same for each call to a model, since another one makes the server load it again.
 * The server is asked to refuse a prompt that it has no room for instead of cutting it.
 */
export function chatRequest(
  model: string,
  { prompt, tools, toolChoice, responseFormat, ...options }: LanguageModelV4CallOptions,
  { windowOf, keepAlive }: OllamaSettings,
): Record<string, unknown> {
  const { maxOutputTokens, temperature, topP, seed, stopSequences } = options;
  const offered = (tools ?? []).flatMap((tool) =>
    tool.type === 'function' && mayCall(tool.name, toolChoice) ? [toTool(tool)] : [],
  );
  return {
    model,
    stream: true,
    truncate: false,
    shift: false,
    messages: prompt.flatMap(toMessages),
    ...(offered.length > 0 && { tools: offered }),
    ...(responseFormat?.type === 'json' && { format: responseFormat.schema ?? 'json' }),
    ...(keepAlive !== undefined && { keep_alive: /^-?\d+$/.test(keepAlive) ? Number(keepAlive) : keepAlive }),
    options: defined({
      num_ctx: windowOf(model),
      num_predict: maxOutputTokens,
      temperature,
      top_p: topP,
      seed,
      stop: stopSequences,
    }),
  };
}

/** Ollama has no choice of a tool: one that is to be called is offered alone, and none where none may be. */
function mayCall(name: string, choice: LanguageModelV4CallOptions['toolChoice']): boolean {
  return choice?.type !== 'none' && (choice?.type !== 'tool' || choice.toolName === name);
}

function toTool({ name, description = '', inputSchema }: LanguageModelV4FunctionTool) {
  return { type: 'function', function: { name, description, parameters: inputSchema } };
}

function toMessages({ role, content }: LanguageModelV4Message): Record<string, unknown>[] {
  if (typeof content === 'string') return [{ role, content }];
  const parts: readonly Part[] = content;
  if (role === 'tool')
    return parts.flatMap((part) =>
      part.type === 'tool-result'
        ? [{ role, tool_name: part.toolName, tool_call_id: part.toolCallId, content: resultText(part.output) }]
        : [],
    );
  const calls = parts.filter((part) => part.type === 'tool-call');
  const images = parts.flatMap((part) => (part.type === 'file' ? [imageOf(part)] : []));
  return [
    {
      role,
      content: parts.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      ...(images.length > 0 && { images }),
      ...(calls.length > 0 && {
        tool_calls: calls.map(({ toolCallId, toolName, input }) => ({
          id: toolCallId,
          function: { name: toolName, arguments: input },
        })),
      }),
    },
  ];
}

/** Ollama takes images alone, in base64. */
function imageOf({ mediaType, data }: Extract<Part, { type: 'file' }>): string {
  if (data.type !== 'data' || typeof data.data !== 'string')
    throw new TypeError(`a file of the kind ${mediaType} has no form for Ollama`);
  return data.data;
}

function resultText(output: Extract<Part, { type: 'tool-result' }>['output']): string {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'json':
    case 'error-json':
      return JSON.stringify(output.value);
    default:
      throw new TypeError(`a tool result of the kind ${output.type} has no form for Ollama`);
  }
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
