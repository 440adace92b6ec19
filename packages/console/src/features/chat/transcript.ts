import type { Attachment, Message, Run, ToolStatus } from '@reeve/contract';
import type { ToolItem, ViewItem } from './run-view.ts';

/** One exchange: what was asked and everything that came of it. */
export interface Turn {
  readonly key: string;
  readonly runId: string | null;
  readonly prompt: string | null;
  readonly askedAt: string | null;
  /** The files that came with the prompt. */
  readonly attachments: readonly Attachment[];
  readonly items: readonly ViewItem[];
}

/**
 * Messages, oldest first, as turns: those of one run belong together, every other user message begins its own. A tool's messages
 * belong where they stand: those that a fork shares are still the other run's.
 */
export function turnsOf(messages: readonly Message[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    const last = turns.at(-1);
    const continues =
      last !== undefined &&
      (isOfTool(message) ||
        (message.run_id === null ? message.role !== 'user' && last.runId === null : last.runId === message.run_id));
    const turn = continues
      ? last
      : {
          key: message.run_id ?? `m${message.position}`,
          runId: message.run_id,
          prompt: null,
          askedAt: null,
          attachments: [],
          items: [],
        };
    const grown = withMessage(turn, message);
    if (continues) turns[turns.length - 1] = grown;
    else turns.push(grown);
  }
  return turns;
}

function isOfTool({ role }: Message): boolean {
  return role === 'tool-plan' || role === 'tool-output';
}

type ListedRun = Pick<Run, 'id' | 'input' | 'created_at' | 'started_at' | 'status' | 'multitask' | 'attachments'>;

/** Adds the runs that have no message in sight yet, oldest first, behind the turns that have. */
export function withRuns(turns: readonly Turn[], runs: readonly ListedRun[]): Turn[] {
  const known = new Set(turns.map((turn) => turn.runId));
  const missing = runs
    .filter((run) => !known.has(run.id) && !isForgotten(run, runs))
    .sort((a, b) => a.created_at.localeCompare(b.created_at));
  return [
    ...turns,
    ...missing.map((run) => ({
      key: run.id,
      runId: run.id,
      prompt: run.input,
      askedAt: run.created_at,
      attachments: run.attachments ?? [],
      items: [],
    })),
  ];
}

/** Whether the next message stopped a run, without messages of its own by now, and had it forgotten. */
export function isForgotten(run: ListedRun, runs: readonly ListedRun[]): boolean {
  if (run.status !== 'cancelled' || run.started_at === null) return false;
  const later = runs.filter((other) => other.created_at > run.created_at && other.started_at !== null);
  const next = later.sort((a, b) => a.created_at.localeCompare(b.created_at))[0];
  return next?.multitask === 'rollback';
}

function withMessage(turn: Turn, message: Message): Turn {
  switch (message.role) {
    case 'user':
      return turn.prompt === null && turn.items.length === 0
        ? { ...turn, prompt: message.content, askedAt: message.created_at, attachments: message.attachments ?? [] }
        : { ...turn, items: [...turn.items, { kind: 'said', step: message.position, text: message.content }] };
    case 'assistant':
      return message.content === ''
        ? turn
        : { ...turn, items: [...turn.items, { kind: 'text', step: message.position, text: message.content }] };
    case 'system':
      return { ...turn, items: [...turn.items, { kind: 'notice', step: message.position, text: message.content }] };
    case 'tool-plan':
      return { ...turn, items: [...turn.items, plannedTool(message)] };
    case 'tool-output':
      return { ...turn, items: withOutput(turn.items, message) };
  }
}

function plannedTool(message: Message): ToolItem {
  const plan = parsed(message.content);
  return {
    kind: 'tool',
    step: message.position,
    id: textOf(plan['tool_call_id'], `m${message.position}`),
    name: textOf(plan['name'], 'tool'),
    input: 'input' in plan ? plan['input'] : message.content,
    status: 'unknown',
    output: null,
    durationMs: null,
    startedAt: null,
    approvalId: null,
  };
}

function withOutput(items: readonly ViewItem[], message: Message): ViewItem[] {
  const outcome = parsed(message.content);
  const id = textOf(outcome['tool_call_id'], `m${message.position}`);
  const place = items.findIndex((item) => item.kind === 'tool' && item.id === id);
  const planned = place < 0 ? undefined : (items[place] as ToolItem);
  const tool: ToolItem = {
    kind: 'tool',
    step: message.position,
    id,
    name: textOf(outcome['name'], planned?.name ?? 'tool'),
    input: planned?.input ?? null,
    status: toolStatus(outcome['status']),
    output: 'output' in outcome ? outcome['output'] : message.content,
    durationMs: null,
    startedAt: null,
    approvalId: null,
  };
  return place < 0 ? [...items, tool] : items.with(place, tool);
}

const STATUSES: readonly string[] = ['success', 'error', 'timeout', 'denied', 'circuit_open'] satisfies ToolStatus[];

function toolStatus(value: unknown): ToolItem['status'] {
  return typeof value === 'string' && STATUSES.includes(value) ? (value as ToolStatus) : 'unknown';
}

function parsed(content: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
