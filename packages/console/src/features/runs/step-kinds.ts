import { attachmentsOf, type Attachment, type Step } from '@reeve/contract';
import type { ComponentType } from 'react';
import { ChatIcon, SummaryIcon, ThinkingIcon, ToolIcon } from '../../ui/icons.ts';
import { statusName, type StatusName } from '../../ui/status.tsx';

interface StepKind {
  readonly name: string;
  readonly icon: ComponentType<{ size?: number | string }>;
}

/** What the kinds of steps are called, with the sign of each. */
export const STEP_KINDS: Readonly<Record<Step['kind'], StepKind>> = {
  model: { name: 'Model call', icon: ThinkingIcon },
  tool: { name: 'Tool call', icon: ToolIcon },
  message: { name: 'Message', icon: ChatIcon },
  compaction: { name: 'Summary', icon: SummaryIcon },
};

/** What a message or a summary says, with how many messages a summary stands for; undefined for other steps and for what failed. */
export function wordsOf({
  kind,
  output,
}: Step): { readonly text: string; readonly messages: number | null } | undefined {
  if ((kind !== 'message' && kind !== 'compaction') || output === null || typeof output !== 'object') return undefined;
  const { text, messages } = output as { readonly text?: unknown; readonly messages?: unknown };
  if (typeof text !== 'string') return undefined;
  return { text, messages: typeof messages === 'number' ? messages : null };
}

/** The files that a tool made. */
export function madeFilesOf({ kind, output }: Step): readonly Attachment[] {
  if (kind !== 'tool' || output === null || typeof output !== 'object') return [];
  return attachmentsOf((output as { readonly result?: unknown }).result);
}

/** A step's outcome as a status; `asked` where people are asked about it. */
export function outcomeOf(step: Step, live: boolean, asked: boolean): StatusName {
  if (asked) return 'waiting';
  if (step.status === 'pending') return !live ? 'unknown' : step.attempt === 0 ? 'queued' : 'running';
  return step.outcome === null ? 'success' : statusName(step.outcome);
}
