import type { NewTask } from '../../api/tasks.ts';
import { readJsonObject, type JsonFault } from '../../ui/json-object.ts';

/** A new task as it is typed. */
export interface TaskDraft {
  readonly agent: string;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  /** JSON text of an object; empty for none. */
  readonly payload: string;
  readonly priority: number;
  readonly attempts: number;
  /** Local date and time as a browser's field has it; empty for at once. */
  readonly runAt: string;
  /** Ids, with anything between them. */
  readonly dependsOn: string;
  readonly requiresApproval: boolean;
  readonly concurrencyKey: string;
}

export const EMPTY_DRAFT: TaskDraft = {
  agent: 'assistant',
  type: 'execute',
  title: '',
  description: '',
  payload: '{\n  "task": ""\n}',
  priority: 0,
  attempts: 3,
  runAt: '',
  dependsOn: '',
  requiresApproval: false,
  concurrencyKey: '',
};

/** The fields of the request that have a place in the form. */
export const TASK_FIELDS = [
  'agent_id',
  'task_type',
  'title',
  'description',
  'payload',
  'priority',
  'max_attempts',
  'run_at',
  'depends_on',
  'requires_approval',
  'concurrency_key',
] as const;

/** The request that a draft stands for, or why its payload can't be sent. Everything else is the server's to judge. */
export function requestOf(draft: TaskDraft): { readonly task: NewTask } | { readonly fault: JsonFault } {
  const payload = readJsonObject(draft.payload);
  if ('fault' in payload) return payload;
  const dependsOn = draft.dependsOn.split(/[\s,;]+/).filter(Boolean);
  return {
    task: {
      agent_id: draft.agent,
      task_type: draft.type,
      title: draft.title,
      payload: payload.value,
      priority: draft.priority,
      max_attempts: draft.attempts,
      ...(draft.description !== '' && { description: draft.description }),
      ...(draft.runAt !== '' && { run_at: instantOf(draft.runAt) }),
      ...(dependsOn.length > 0 && { depends_on: dependsOn }),
      ...(draft.requiresApproval && { requires_approval: true }),
      ...(draft.concurrencyKey !== '' && { concurrency_key: draft.concurrencyKey }),
    },
  };
}

/** A browser's local date and time as an instant; what is none stays as it is, for the server to refuse. */
function instantOf(local: string): string {
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? local : time.toISOString();
}
