import { isDeepStrictEqual } from 'node:util';
import { AgentInput, Slug, type Agent, type AgentPatch, type ErrorDetail } from '@reeve/contract';
import { fieldMessage, ReeveError } from '@reeve/kit';
import type { z } from 'zod';

/*
 * An agent is a name for a row of versions. Versions are only ever added: each change makes the next one, restoring an
 * old one makes the next one too, and a deleted agent keeps them all, so that a run finds the version it began with.
 */

/** Who asks for a change, and in which trace. */
export interface Requester {
  readonly tenantId: string;
  readonly userId: string;
  readonly traceId: string;
}

/** A version's configuration as it is read: complete even where an older program wrote it, without what it does not know. */
export const AgentConfig = AgentInput.strip().extend({ slug: Slug });
export type AgentConfig = z.infer<typeof AgentConfig>;

/** What of an agent a version keeps. */
export function configOf(agent: Agent): AgentConfig {
  return AgentConfig.parse(agent);
}

/** The configuration with the sent fields in place of its own. Of the limits only those sent change; other fields are replaced whole. */
export function applyPatch(config: AgentConfig, patch: AgentPatch): AgentConfig {
  return AgentConfig.parse({ ...config, ...withoutRepeats(patch), limits: { ...config.limits, ...patch.limits } });
}

/** True where both say the same, in whatever order. */
export function isSameConfig(one: AgentConfig, other: AgentConfig): boolean {
  return isDeepStrictEqual(one, other);
}

/** The names of the fields in which two configurations differ. */
export function changedFields(before: AgentConfig, after: AgentConfig): string[] {
  return Object.keys(AgentConfig.shape).filter((name) => {
    const field = name as keyof AgentConfig;
    return !isDeepStrictEqual(before[field], after[field]);
  });
}

/** The input with each tool, skill and approval named once. */
export function withoutRepeats<Fields extends Pick<AgentPatch, 'tools' | 'skills' | 'approvals'>>(
  fields: Fields,
): Fields {
  const { tools, skills, approvals } = fields;
  return {
    ...fields,
    ...(tools && { tools: [...new Set(tools)] }),
    ...(skills && { skills: [...new Set(skills)] }),
    ...(approvals && { approvals: [...new Set(approvals)] }),
  };
}

/** What a configuration may name. */
export interface Known {
  readonly tools: readonly string[];
  readonly skills: readonly string[];
  /** Absent: any model's name goes. */
  readonly model?: ((modelId: string) => boolean) | undefined;
}

/** Throws `invalid_request` that lists every tool and skill, and the model, that nothing here knows. */
export function requireKnown(
  { tools, approvals, skills, model_id: modelId }: Pick<AgentPatch, 'tools' | 'approvals' | 'skills' | 'model_id'>,
  known: Known,
): void {
  const details = [
    ...unknownIn('tools', tools, 'tool', known.tools),
    ...unknownIn('approvals', approvals, 'tool', known.tools),
    ...unknownIn('skills', skills, 'skill', known.skills),
  ];
  if (modelId != null && known.model?.(modelId) === false)
    details.push({ path: 'model_id', message: `names no known model: ${modelId}` });
  const [first] = details;
  if (first === undefined) return;
  const those = first.path.startsWith('skills.') ? known.skills : known.tools;
  const hint = first.path === 'model_id' ? '' : `; known are ${[...those].sort().join(', ')}`;
  throw new ReeveError('invalid_request', `${fieldMessage(first)}${hint}`, { details: details.slice(0, 50) });
}

function unknownIn(field: string, list: readonly string[] = [], what: string, known: readonly string[]): ErrorDetail[] {
  const names = new Set(known);
  return list.flatMap((name, index) =>
    names.has(name) ? [] : [{ path: `${field}.${index}`, message: `names no known ${what}: ${name}` }],
  );
}
