import type { ChatCall } from '../model.ts';
import type { Target } from '../targets.ts';

/**
 * The body of a chat completion for a provider: what the caller sent, with the provider's name of the model, the limit of
 * the output that was reserved, and usage asked for, which settles the call.
 */
export function chatBody({ body, stream }: ChatCall, { provider, model }: Target, maxOutputTokens: number): string {
  const handed: Record<string, unknown> = { model };
  for (const [name, value] of Object.entries(body)) if (value !== null && !OURS.has(name)) handed[name] = value;
  // Reasoning models of OpenAI refuse the old name, most compatible servers know no other.
  handed[provider === 'openai' ? 'max_completion_tokens' : 'max_tokens'] = maxOutputTokens;
  if (provider !== 'openai') handed['messages'] = withoutDevelopers(body['messages']);
  if (stream) {
    handed['stream'] = true;
    handed['stream_options'] = { include_usage: true };
  }
  return JSON.stringify(handed);
}

/** Decided here, or for Reeve itself; and what would make a call cost something else than the table of models says. */
const OURS: ReadonlySet<string> = new Set([
  'model',
  'max_tokens',
  'max_completion_tokens',
  'stream',
  'stream_options',
  'session_id',
  'multitask',
  'timeout_ms',
  'metadata',
  'store',
  'n',
  'best_of',
  'service_tier',
  'prediction',
  'web_search_options',
  'modalities',
  'audio',
]);

/** Compatible servers know the role by its older name only. */
function withoutDevelopers(messages: unknown): unknown {
  const list = messages as readonly { readonly role: string }[];
  if (!list.some(({ role }) => role === 'developer')) return list;
  return list.map((message) => (message.role === 'developer' ? { ...message, role: 'system' } : message));
}
