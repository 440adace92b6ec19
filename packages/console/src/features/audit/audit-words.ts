import { formatInline } from '../../ui/format.ts';

/** Actions that the log is often searched for; any other can be typed. */
export const ACTIONS = [
  'LOGIN',
  'KEY_USED',
  'KEY_CREATED',
  'KEY_ROTATED',
  'KEY_REVOKED',
  'CALL_DENIED',
  'TENANT_CHANGED',
  'SETTING_CHANGED',
  'BUDGET_CHANGED',
  'POLICY_CHANGED',
  'LIMIT_CHANGED',
  'APPROVAL_REQUESTED',
  'APPROVAL_DECIDED',
  'TOOL_CALL',
  'TOOL_RESULT',
  'TOOL_ERROR',
  'TOOL_DENIED',
  'TOOL_EXECUTED',
  'PLAN_START',
  'PLAN_MODEL_RESPONSE',
  'PLAN_ERROR',
  'PLAN_END',
  'TASK_CREATED',
  'TASK_CANCELLED',
  'TASK_RETRIED',
  'WORKFLOW_CREATED',
  'SCHEDULE_CREATED',
  'SCHEDULE_CHANGED',
  'SCHEDULE_DELETED',
  'AGENT_CREATED',
  'AGENT_CHANGED',
  'AGENT_DELETED',
  'MCP_SERVER_CREATED',
  'MCP_SERVER_CHANGED',
  'MCP_SERVER_DELETED',
  'MEMORY_STORED',
  'MEMORY_CHANGED',
  'MEMORY_DELETED',
  'MEMORIES_DELETED',
  'SESSION_DELETED',
  'PERSONA_CREATED',
  'PERSONA_CHANGED',
  'PERSONA_DELETED',
  'DOCUMENT_ADDED',
  'DOCUMENT_REPLACED',
  'DOCUMENT_DELETED',
  'PLAYBOOK_STORED',
  'PLAYBOOK_DELETED',
];

/** An action for people: `KEY_CREATED` is "Key created". */
export function actionWords(action: string): string {
  const words = action.toLowerCase().replaceAll('_', ' ');
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`;
}

/** Whether an action tells that something was refused or failed, so that it is looked at first. */
export function isRefusal(action: string): boolean {
  return /_(DENIED|ERROR)$/.test(action);
}

/** Details on a line, for a list: `name: ci · role: member`. What is empty is left out. */
export function detailsLine(details: Readonly<Record<string, unknown>>): string {
  return formatInline(
    Object.entries(details)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' · '),
    160,
  );
}

/** A moment as a browser's field for local times has it, to the second; empty for none. */
export function localOf(moment: string | undefined): string {
  if (moment === undefined) return '';
  const time = new Date(moment);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The moment of such a field; undefined where it is empty or half typed. */
export function momentOf(local: string): string | undefined {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
