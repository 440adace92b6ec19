import type { ErrorDetail } from '@reeve/contract';
import type { NewTask } from '../../api/tasks.ts';

/** A new task as it is typed. */
export interface TaskDraft {
  readonly agent: string;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  /** JSON text of an object; empty for none. */
  readonly payload: string;
  readonly priority: number;
}

export const EMPTY_DRAFT: TaskDraft = {
  agent: 'assistant',
  type: 'execute',
  title: '',
  description: '',
  payload: '{\n  "task": ""\n}',
  priority: 0,
};

/** The request that a draft stands for, or why its payload can't be sent. Everything else is the server's to judge. */
export function requestOf(draft: TaskDraft): { readonly task: NewTask } | { readonly payloadFault: string } {
  let payload: unknown;
  try {
    payload = draft.payload.trim() === '' ? {} : JSON.parse(draft.payload);
  } catch (error) {
    return { payloadFault: `must be JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload))
    return { payloadFault: 'must be a JSON object, such as {"task": "…"}' };
  return {
    task: {
      agent_id: draft.agent,
      task_type: draft.type,
      title: draft.title,
      payload: payload as Record<string, unknown>,
      priority: draft.priority,
      ...(draft.description !== '' && { description: draft.description }),
    },
  };
}

const FIELDS = ['agent_id', 'task_type', 'title', 'description', 'payload', 'priority'] as const;
export type TaskField = (typeof FIELDS)[number];

/** The server's findings by the field they belong to (`payload.x` belongs to `payload`), and those that belong to none. */
export function faultsOf(details: readonly ErrorDetail[]): {
  readonly byField: Partial<Record<TaskField, string>>;
  readonly others: readonly ErrorDetail[];
} {
  const byField: Partial<Record<TaskField, string>> = {};
  const others: ErrorDetail[] = [];
  for (const detail of details) {
    const field = FIELDS.find(
      (name) => detail.path === name || detail.path.startsWith(`${name}.`) || detail.path.startsWith(`${name}[`),
    );
    if (field === undefined) others.push(detail);
    else
      byField[field] = [byField[field], detail.path === field ? detail.message : `${detail.path}: ${detail.message}`]
        .filter(Boolean)
        .join('; ');
  }
  return { byField, others };
}
