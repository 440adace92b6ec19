import type { Attachment, Message } from '@reeve/contract';
import type { NewMessage } from '@reeve/memory';
import { attachmentNotes } from './attachment-notes.ts';
import type { CompactionStep, RunMessage, RunRecord, StepRecord, Summary } from './run.ts';
import { shownInput } from './unreadable-arguments.ts';

/** Messages of the session that a run is shown at most. */
export const HISTORY_LIMIT = 1_000;

/** What a run was asked. */
type Asked = Pick<RunRecord, 'input' | 'attachments'>;

/** The conversation that the next model call is shown: whole, or with a summary in place of its beginning. */
export function conversationOf(
  history: readonly RunMessage[],
  asked: Asked,
  steps: readonly StepRecord[],
): RunMessage[] {
  const whole = wholeConversation(history, asked, steps);
  const summary = summaryOf(steps);
  return summary === null ? whole : withSummary(whole, summary, history.length, asked);
}

/** The newest summary among a run’s steps. */
export function summaryOf(steps: readonly StepRecord[]): CompactionStep['output'] {
  const compaction = steps.findLast((step) => step.kind === 'compaction' && step.output !== null);
  return compaction?.kind === 'compaction' ? compaction.output : null;
}

/**
 * A conversation with a summary in place of the messages that it stands for. What was asked for, the message at `request`, stays word
 * for word; where it is shown anyway, the summary is the same for every run of the session, so that providers find it in their cache.
 */
export function withSummary(
  whole: readonly RunMessage[],
  { text, messages }: Summary,
  request: number,
  { input }: Asked,
): RunMessage[] {
  const asked = messages > request ? requestNote(input) : '';
  const note = `[The first ${messages} messages of this conversation were summed up, since it had grown too long.]`;
  return [{ role: 'user', text: `${note}\n\n${text}${asked}` }, ...whole.slice(messages)];
}

function requestNote(input: string): string {
  const request = input.length > 4_000 ? `${input.slice(0, 4_000).toWellFormed()} …` : input;
  return `\n\n[The request that this run is about:]\n${request}`;
}

/** The same without any summary. */
export function wholeConversation(
  history: readonly RunMessage[],
  { input, attachments }: Asked,
  steps: readonly StepRecord[],
): RunMessage[] {
  const messages: RunMessage[] = [...history, userMessage(input, attachments)];
  for (const step of steps) {
    if (step.status !== 'settled' || step.output === null) continue;
    if (step.kind === 'model') {
      const { text, toolCalls, providerData } = step.output;
      const calls = toolCalls.map((call) => ({ ...call, input: shownInput(call.input) }));
      messages.push({ role: 'assistant', text, toolCalls: calls, ...(providerData !== undefined && { providerData }) });
    } else if (step.kind === 'tool')
      messages.push({
        role: 'tool',
        toolCallId: step.callId,
        name: step.name,
        output: step.output.result,
        isError: step.output.tool_status !== 'success',
      });
    else if (step.kind === 'message') messages.push({ role: 'user', text: step.output.text });
  }
  return messages;
}

/** A message of the user that names the files that came with it. */
function userMessage(text: string, attachments: readonly Attachment[] = []): RunMessage {
  if (attachments.length === 0) return { role: 'user', text };
  return { role: 'user', text: [text, ...attachmentNotes(attachments)].filter(Boolean).join('\n\n'), attachments };
}

/**
 * A session's messages as a model is shown them. Begins with a message of the user, whatever was cut before it, and says so where
 * something was. Callers may store what they like: a call of a tool without its outcome, an outcome without its call and what is
 * neither are shown as text, since models refuse a conversation with half a call.
 */
export function historyOf(messages: readonly SessionMessage[]): RunMessage[] {
  return placedHistory(messages).map(({ message }) => message);
}

/** A message as a model is shown it, and the position of the session's last message that went into it. */
export interface PlacedMessage {
  readonly message: RunMessage;
  readonly position: number;
}

/** The same, with where each message stands in the session. */
export function placedHistory(messages: readonly SessionMessage[]): PlacedMessage[] {
  const first = messages.findIndex(({ role }) => role === 'user');
  const shown = messages.slice(first === -1 ? messages.length : first);
  const history: PlacedMessage[] = [];
  const left = (shown[0]?.position ?? 1) - 1;
  if (left > 0 && messages.length >= HISTORY_LIMIT)
    history.push({
      message: { role: 'user', text: `[${left} earlier messages of this session are not shown.]` },
      position: left,
    });
  const calls = answeredCalls(shown);
  for (const [index, told] of shown.entries()) {
    const { position } = told;
    const call = calls.get(index);
    if (call === undefined) {
      history.push({ message: plainMessage(told), position });
    } else if (told.role === 'tool-plan') {
      const said = history.at(-1)?.message;
      const text = said?.role === 'assistant' && said.toolCalls.length === 0 ? said.text : '';
      if (text !== '') history.pop();
      const toolCalls = [{ id: call.id, name: call.name, input: shownInput(call.input) }];
      history.push({ message: { role: 'assistant', text, toolCalls }, position });
    } else {
      const { id: toolCallId, name, output, status } = call;
      history.push({ message: { role: 'tool', toolCallId, name, output, isError: status !== 'success' }, position });
    }
  }
  return history;
}

function plainMessage({ role, content, name: speaker, attachments }: SessionMessage): RunMessage {
  if (role === 'assistant') return { role, text: content, toolCalls: [] };
  if (role === 'user' || role === 'system')
    return userMessage(speaker == null ? content : `${speaker}: ${content}`, attachments);
  return { role: 'user', text: `[${role}] ${content}` };
}

type SessionMessage = Pick<Message, 'role' | 'content' | 'position'> & Partial<Pick<Message, 'name' | 'attachments'>>;

/** Either message of a tool call; `input` is there in its call, the rest in its outcome. */
interface CallMessage {
  readonly id: string;
  readonly name: string;
  readonly input?: unknown;
  readonly output?: unknown;
  readonly status?: unknown;
}

/** The messages of calls that have an outcome, both by their index. */
function answeredCalls(messages: readonly SessionMessage[]): Map<number, CallMessage> {
  const found = new Map<number, CallMessage>();
  const open = new Map<string, { index: number; call: CallMessage }>();
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== 'tool-plan' && role !== 'tool-output') continue;
    const call = callMessageOf(content);
    if (call === undefined) continue;
    if (role === 'tool-plan') open.set(call.id, { index, call });
    else {
      const plan = open.get(call.id);
      if (plan === undefined) continue;
      open.delete(call.id);
      found.set(plan.index, plan.call).set(index, call);
    }
  }
  return found;
}

function callMessageOf(content: string): CallMessage | undefined {
  try {
    const { tool_call_id: id, name, ...rest } = JSON.parse(content) as Record<string, unknown>;
    return typeof id === 'string' && typeof name === 'string' ? { id, name, ...rest } : undefined;
  } catch {
    return undefined;
  }
}

/** What a run adds to its session: what the model said beside its calls, and each call with its outcome, both kept by their step; then the answer. */
export function messagesOf(steps: readonly StepRecord[], answer: string | null): NewMessage[] {
  const messages: NewMessage[] = [];
  for (const step of steps) {
    if (step.output === null || step.status !== 'settled') continue;
    if (step.kind === 'model' && step.output.toolCalls.length > 0 && step.output.text.trim() !== '')
      messages.push({ role: 'assistant', content: step.output.text });
    if (step.kind === 'message') messages.push({ role: 'user', content: step.output.text });
    if (step.kind !== 'tool') continue;
    const told = { content: null, step: step.number, runId: step.runId };
    messages.push({ role: 'tool-plan', ...told }, { role: 'tool-output', ...told });
  }
  return answer === null ? messages : [...messages, { role: 'assistant', content: answer }];
}
