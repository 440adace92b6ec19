import {
  APPROVAL_STATUSES,
  KNOWLEDGE_BASES,
  KeyStatus,
  RUN_STATUSES,
  TASK_STATUSES,
  type ApprovalStatus,
  type KnowledgeBase,
  type RunStatus,
  type TaskStatus,
} from '@reeve/contract';
import type { AuditFilter } from '../api/audit.ts';
import { PERSONA_TABS, type PersonaTab } from '../features/knowledge/tabs.ts';
import { RECALLED, type RecalledKind } from '../features/memory/kinds.ts';

/** Search parameters as they come from an address: anything. Each reader keeps what it understands and drops the rest. */
export type RawSearch = Record<string, unknown>;

export interface ChatSearch {
  readonly run?: string | undefined;
  readonly agent?: string | undefined;
  readonly q?: string | undefined;
  /** The directory of the session's files that is open, from `/`. */
  readonly files?: string | undefined;
}
export const chatSearch = (raw: RawSearch): ChatSearch => ({
  run: words(raw['run']),
  agent: words(raw['agent']),
  q: words(raw['q']),
  files: directory(raw['files']),
});

export interface RunsSearch {
  readonly status?: RunStatus | undefined;
  readonly offset?: number | undefined;
}
export const runsSearch = (raw: RawSearch): RunsSearch => ({
  status: oneOf(RUN_STATUSES, raw['status']),
  offset: offset(raw['offset']),
});

export interface TasksSearch {
  readonly status?: TaskStatus | undefined;
  readonly agent?: string | undefined;
  readonly type?: string | undefined;
  readonly session?: string | undefined;
  readonly workflow?: string | undefined;
  readonly q?: string | undefined;
  /** The task whose details are open. */
  readonly task?: string | undefined;
  /** Whether the form for a new task is open. */
  readonly create?: true | undefined;
}
export const tasksSearch = (raw: RawSearch): TasksSearch => ({
  status: oneOf(TASK_STATUSES, raw['status']),
  agent: words(raw['agent']),
  type: words(raw['type']),
  session: words(raw['session']),
  workflow: words(raw['workflow']),
  q: words(raw['q']),
  task: words(raw['task']),
  create: raw['create'] === true ? true : undefined,
});

export interface ApprovalsSearch {
  readonly status?: ApprovalStatus | undefined;
}
export const approvalsSearch = (raw: RawSearch): ApprovalsSearch => ({
  status: oneOf(APPROVAL_STATUSES, raw['status']),
});

export interface SchedulesSearch {
  /** The schedule whose form is open. */
  readonly schedule?: string | undefined;
  /** Whether the form for a new schedule is open. */
  readonly create?: true | undefined;
}
export const schedulesSearch = (raw: RawSearch): SchedulesSearch => ({
  schedule: words(raw['schedule']),
  create: raw['create'] === true ? true : undefined,
});

const GROUPINGS = ['agent', 'model', 'provider', 'user', 'day'] as const;
const DRAWN = ['cost', 'tokens', 'calls'] as const;

export interface UsageSearch {
  /** The first and the last day, in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly by?: (typeof GROUPINGS)[number] | undefined;
  readonly draw?: (typeof DRAWN)[number] | undefined;
  /** What the ledger of calls is narrowed down by. */
  readonly agent?: string | undefined;
  readonly model?: string | undefined;
  readonly outcome?: string | undefined;
  readonly run?: string | undefined;
  readonly offset?: number | undefined;
  /** For whose calls it is told which budget binds. */
  readonly who?: string | undefined;
  readonly persona?: string | undefined;
  readonly tree?: string | undefined;
}
export const usageSearch = (raw: RawSearch): UsageSearch => ({
  from: day(raw['from']),
  to: day(raw['to']),
  by: oneOf(GROUPINGS, raw['by']),
  draw: oneOf(DRAWN, raw['draw']),
  agent: words(raw['agent']),
  model: words(raw['model']),
  outcome: words(raw['outcome']),
  run: words(raw['run']),
  offset: offset(raw['offset']),
  who: words(raw['who']),
  persona: words(raw['persona']),
  tree: words(raw['tree']),
});

export interface KeysSearch {
  readonly status?: KeyStatus | undefined;
  /** Whether the form for a new key is open. */
  readonly create?: true | undefined;
}
export const keysSearch = (raw: RawSearch): KeysSearch => ({
  status: oneOf(KeyStatus.options, raw['status']),
  create: raw['create'] === true ? true : undefined,
});

export interface TenantsSearch {
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  /** Whether the form for a new tenant is open. */
  readonly create?: true | undefined;
}
export const tenantsSearch = (raw: RawSearch): TenantsSearch => ({
  q: words(raw['q']),
  offset: offset(raw['offset']),
  create: raw['create'] === true ? true : undefined,
});

export interface AuditSearch extends AuditFilter {
  readonly offset?: number | undefined;
  /** The entry whose details are open. */
  readonly entry?: string | undefined;
}
export const auditSearch = (raw: RawSearch): AuditSearch => ({
  actor: words(raw['actor']),
  action: words(raw['action']),
  trace: words(raw['trace']),
  task: words(raw['task']),
  run: words(raw['run']),
  from: moment(raw['from']),
  to: moment(raw['to']),
  offset: offset(raw['offset']),
  entry: words(raw['entry']),
});

export interface ToolsSearch {
  readonly q?: string | undefined;
  readonly source?: string | undefined;
  /** The tool whose details are open. */
  readonly tool?: string | undefined;
}
export const toolsSearch = (raw: RawSearch): ToolsSearch => ({
  q: words(raw['q']),
  source: words(raw['source']),
  tool: words(raw['tool']),
});

export interface McpSearch {
  /** The server whose details are open. */
  readonly server?: string | undefined;
  /** The server whose form is open. */
  readonly edit?: string | undefined;
  /** Whether the form for a new server is open. */
  readonly create?: true | undefined;
  /** Whether the dialog for another client's servers is open. */
  readonly import?: true | undefined;
}
export const mcpSearch = (raw: RawSearch): McpSearch => ({
  server: words(raw['server']),
  edit: words(raw['edit']),
  create: raw['create'] === true ? true : undefined,
  import: raw['import'] === true ? true : undefined,
});

export interface SkillsSearch {
  /** The skill whose details are open. */
  readonly skill?: string | undefined;
  readonly offset?: number | undefined;
}
export const skillsSearch = (raw: RawSearch): SkillsSearch => ({
  skill: words(raw['skill']),
  offset: offset(raw['offset']),
});

/** What is looked for in knowledge bases. */
export interface KnowledgeAskSearch {
  readonly ask?: string | undefined;
  /** One knowledge base; without it all but the Soul. */
  readonly in?: KnowledgeBase | undefined;
  readonly top?: number | undefined;
  /** With commas between them. */
  readonly tags?: string | undefined;
}
const knowledgeAskSearch = (raw: RawSearch): KnowledgeAskSearch => ({
  ask: question(raw['ask']),
  in: oneOf(KNOWLEDGE_BASES, raw['in']),
  top: top(raw['top']),
  tags: words(raw['tags']),
});

export interface KnowledgeSearch extends KnowledgeAskSearch {
  /** Set where all personas are searched, instead of being listed. */
  readonly show?: 'search' | undefined;
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  /** Whether the form for a new persona is open. */
  readonly create?: true | undefined;
}
export const knowledgeSearch = (raw: RawSearch): KnowledgeSearch => ({
  ...knowledgeAskSearch(raw),
  show: oneOf(['search'], raw['show']),
  q: words(raw['q']),
  offset: offset(raw['offset']),
  create: raw['create'] === true ? true : undefined,
});

export interface PersonaSearch extends KnowledgeAskSearch {
  readonly tab?: PersonaTab | undefined;
  readonly q?: string | undefined;
  readonly offset?: number | undefined;
  /** The document whose chunks are open, from which on, and which of them is meant. */
  readonly document?: string | undefined;
  readonly from?: number | undefined;
  readonly chunk?: number | undefined;
  /** Whether the form for a text is open. */
  readonly add?: true | undefined;
  /** Whether the form of the persona is open. */
  readonly edit?: true | undefined;
}
export const personaSearch = (raw: RawSearch): PersonaSearch => ({
  ...knowledgeAskSearch(raw),
  tab: oneOf(PERSONA_TABS, raw['tab']),
  q: words(raw['q']),
  offset: offset(raw['offset']),
  document: words(raw['document']),
  from: raw['from'] === 0 ? 0 : offset(raw['from']),
  chunk: offset(raw['chunk']),
  add: raw['add'] === true ? true : undefined,
  edit: raw['edit'] === true ? true : undefined,
});

export interface MemorySearch {
  readonly ask?: string | undefined;
  readonly in?: RecalledKind | undefined;
  readonly top?: number | undefined;
  /** Whose memories, by id. */
  readonly persona?: string | undefined;
  /** What memories must have. */
  readonly tag?: string | undefined;
  /** Where something is looked for, the first and the last day on which it was remembered or said, in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly offset?: number | undefined;
  /** The memory whose form is open, and the one that is to become one with another. */
  readonly edit?: string | undefined;
  readonly merge?: string | undefined;
}
export const memorySearch = (raw: RawSearch): MemorySearch => ({
  ask: question(raw['ask']),
  in: oneOf(RECALLED, raw['in']),
  top: top(raw['top']),
  persona: words(raw['persona']),
  tag: words(raw['tag']),
  from: day(raw['from']),
  to: day(raw['to']),
  offset: offset(raw['offset']),
  edit: words(raw['edit']),
  merge: words(raw['merge']),
});

export interface PlaybooksSearch {
  /** Whose agents have learnt them, by id. */
  readonly persona?: string | undefined;
  readonly offset?: number | undefined;
}
export const playbooksSearch = (raw: RawSearch): PlaybooksSearch => ({
  persona: words(raw['persona']),
  offset: offset(raw['offset']),
});

const SHOWN_SETTINGS = ['changed', 'changeable'] as const;

export interface SettingsSearch {
  readonly q?: string | undefined;
  readonly show?: (typeof SHOWN_SETTINGS)[number] | undefined;
}
export const settingsSearch = (raw: RawSearch): SettingsSearch => ({
  q: words(raw['q']),
  show: oneOf(SHOWN_SETTINGS, raw['show']),
});

export interface SignInSearch {
  /** The path to come back to; only one of this console. */
  readonly from?: string | undefined;
  /** Whether the server has just refused a key. */
  readonly refused?: true | undefined;
}
export const signInSearch = (raw: RawSearch): SignInSearch => {
  const from = words(raw['from']);
  return {
    from: from !== undefined && /^\/(?![/\\])/.test(from) ? from : undefined,
    refused: raw['refused'] === true ? true : undefined,
  };
};

function words(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
}

/** Words that may be as long as a search takes them. */
function question(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 200 ? value.slice(0, 2_000) : words(value);
}

/** How many matches a search may bring. */
function top(value: unknown): number | undefined {
  const count = offset(value);
  return count === undefined ? undefined : Math.min(count, 100);
}

function directory(value: unknown): string | undefined {
  return typeof value === 'string' && /^\/[^\0]{0,4096}$/.test(value) ? value : undefined;
}

function day(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) return undefined;
  const time = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(value) ? value : undefined;
}

function moment(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return undefined;
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

function offset(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;
}

function oneOf<const Name extends string>(names: readonly Name[], value: unknown): Name | undefined {
  return names.find((name) => name === value);
}
