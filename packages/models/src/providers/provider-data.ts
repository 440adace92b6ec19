import type {
  JSONValue,
  LanguageModelV4Message,
  LanguageModelV4StreamPart,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider';
import { z } from 'zod';
import type { ModelMessage } from '../model.ts';
import type { Target } from '../targets.ts';

type AssistantMessage = Extract<ModelMessage, { role: 'assistant' }>;
type AssistantContent = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'];

/**
 * Data that a provider needs back with its answer: signatures of reasoning and tool calls, encrypted reasoning. It
 * lists the parts of the answer in order with the provider's metadata; text by its length only, since the message
 * holds it.
 */
const Kept = z.object({
  provider: z.string(),
  model: z.string(),
  parts: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('reasoning'), text: z.string(), options: z.unknown().optional() }),
      z.object({ type: z.literal('text'), length: z.int().min(0), options: z.unknown().optional() }),
      z.object({ type: z.literal('tool_call'), id: z.string(), options: z.unknown().optional() }),
    ]),
  ),
});
type Kept = z.infer<typeof Kept>;

/** Collects provider data from a stream. */
export interface ProviderDataCollector {
  add(part: LanguageModelV4StreamPart): void;
  /** Plain JSON, or undefined where the provider needs nothing back. */
  result(): unknown;
}

export function collectProviderData({ provider, model }: Target): ProviderDataCollector {
  const blocks: Block[] = [];
  const open = new Map<string, Block>();
  const blockOf = (type: 'text' | 'reasoning', id: string): Block => {
    const key = `${type} ${id}`;
    const block: Block = open.get(key) ?? { type, id, text: '', options: undefined };
    if (!open.has(key)) {
      open.set(key, block);
      blocks.push(block);
    }
    return block;
  };
  return {
    add(part) {
      switch (part.type) {
        case 'text-start':
        case 'reasoning-start':
        case 'text-delta':
        case 'reasoning-delta':
        case 'text-end':
        case 'reasoning-end': {
          const block = blockOf(part.type.startsWith('text') ? 'text' : 'reasoning', part.id);
          if ('delta' in part) block.text += part.delta;
          block.options = merge(block.options, part.providerMetadata);
          if (part.type.endsWith('-end')) open.delete(`${block.type} ${part.id}`);
          break;
        }
        case 'tool-call':
          if (part.providerExecuted !== true)
            blocks.push({
              type: 'tool_call',
              id: part.toolCallId,
              text: '',
              options: merge(undefined, part.providerMetadata),
            });
          break;
        default:
          break;
      }
    },
    result() {
      // A compatible server gets its reasoning back as text, and only with tool calls: some reject it elsewhere.
      const plainReasoning = provider === 'openai-compatible' && blocks.some(({ type }) => type === 'tool_call');
      const kept = blocks.filter(
        ({ type, options }) => type !== 'reasoning' || plainReasoning || options !== undefined,
      );
      if (!kept.some((block) => saysMore(block.options) || (plainReasoning && block.type === 'reasoning')))
        return undefined;
      return JSON.parse(JSON.stringify({ provider, model, parts: kept.map(toPart) })) as unknown;
    },
  };
}

/**
 * Restores an assistant message with its provider data. Null where there is none to restore: another provider or
 * model answered, or the data is unreadable.
 */
export function restoreContent(message: AssistantMessage, { provider, model }: Target): AssistantContent | null {
  const parsed = Kept.safeParse(message.providerData);
  if (!parsed.success || parsed.data.provider !== provider || parsed.data.model !== model) return null;
  const { parts } = parsed.data;
  const content: AssistantContent = [];
  const calls = new Map(message.toolCalls.map((call) => [call.id, call]));
  const lengths = parts.reduce((sum, part) => sum + (part.type === 'text' ? part.length : 0), 0);
  // A text that was changed since cannot be split at the recorded lengths; it then replaces the first piece whole.
  const whole = lengths !== message.text.length;
  let at = 0;
  for (const part of parts) {
    const providerOptions =
      part.options === undefined ? {} : { providerOptions: part.options as SharedV4ProviderMetadata };
    if (part.type === 'reasoning') content.push({ type: 'reasoning', text: part.text, ...providerOptions });
    else if (part.type === 'tool_call') {
      const call = calls.get(part.id);
      calls.delete(part.id);
      if (call !== undefined)
        content.push({
          type: 'tool-call',
          toolCallId: call.id,
          toolName: call.name,
          input: call.input ?? {},
          ...providerOptions,
        });
    } else {
      const text = whole ? message.text.slice(at) : message.text.slice(at, at + part.length);
      at += text.length;
      if (text !== '' || part.options !== undefined) content.push({ type: 'text', text, ...providerOptions });
    }
  }
  if (at < message.text.length) content.push({ type: 'text', text: message.text.slice(at) });
  for (const { id, name, input } of calls.values())
    content.push({ type: 'tool-call', toolCallId: id, toolName: name, input: input ?? {} });
  return content;
}

interface Block {
  readonly type: Kept['parts'][number]['type'];
  readonly id: string;
  text: string;
  options: SharedV4ProviderMetadata | undefined;
}

function toPart({ type, id, text, options }: Block): Kept['parts'][number] {
  const said = options === undefined ? {} : { options };
  if (type === 'reasoning') return { type, text, ...said };
  return type === 'text' ? { type, length: text.length, ...said } : { type, id, ...said };
}

/** True of metadata with more than an item's id, which is useless alone: the provider stores nothing. */
function saysMore(options: SharedV4ProviderMetadata | undefined): boolean {
  return Object.values(options ?? {}).some((said) =>
    Object.entries(said).some(([name, value]) => name !== 'itemId' && value !== null && value !== undefined),
  );
}

function merge(
  earlier: SharedV4ProviderMetadata | undefined,
  later: SharedV4ProviderMetadata | undefined,
): SharedV4ProviderMetadata | undefined {
  if (later === undefined) return earlier;
  const merged: Record<string, Record<string, JSONValue | undefined>> = { ...earlier };
  for (const [provider, said] of Object.entries(later)) merged[provider] = { ...merged[provider], ...said };
  return merged as SharedV4ProviderMetadata;
}
