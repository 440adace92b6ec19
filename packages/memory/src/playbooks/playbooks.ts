import { recordAudit } from '@reeve/audit';
import type { Playbook } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import type { MemoryRules } from '../care/sensitive.ts';
import type { RunContextItem } from '../run-context-item.ts';
import { findTexts, indexTexts, isTelling, unindexTexts, type QueryVector } from '@reeve/retrieval';
import { lockPersona } from '../knowledge/persona-store.ts';
import type { Requester } from '../session.ts';
import {
  confidenceOf,
  goalOf,
  isAlike,
  isWrong,
  playbookText,
  shapeOf,
  stepsOf,
  textOf,
  type MadeCall,
} from './playbook.ts';
import {
  deletePlaybooks,
  insertPlaybook,
  lockPlaybooks,
  selectByGoal,
  selectPlaybooks,
  selectSurplus,
  updateFailures,
  updateSuccess,
  type PlaybookScope,
  type Success,
} from './store.ts';
import { ensureSpace, findSpaces } from '../spaces.ts';

/** The calls with which a run reached its goal. */
export interface Experience extends PlaybookScope {
  readonly goal: string;
  /** Those that succeeded, in order. */
  readonly calls: readonly MadeCall[];
  readonly runId: string | null;
  readonly sessionId: string | null;
}

/** Playbooks that a scope keeps. */
const MOST = 1_000;

/**
 * Keeps what worked, once for what is alike, without what the tenant's rules keep out; undefined where there is nothing to repeat, or
 * the persona is gone.
 */
export async function learnPlaybook(
  tx: Tx,
  experience: Experience,
  rules: MemoryRules,
): Promise<{ id: string; merged: boolean } | undefined> {
  const steps = stepsOf(experience.calls, rules);
  const goal = goalOf(experience.goal, rules);
  if (steps === undefined || goal === '') return undefined;
  const success = { ...experience, goal, steps, shape: shapeOf(steps) };
  if (!(await holdScope(tx, experience))) return undefined;
  const known = await findAlike(tx, experience, success);
  if (known !== undefined) {
    await updateSuccess(tx, known.id, success);
    return { id: known.id, merged: true };
  }
  const id = newId();
  await insertPlaybook(tx, id, experience, success);
  await indexTexts(tx, await ensureSpace(tx, spaceOf(experience)), [playbookText({ id, goal })]);
  await remove(tx, experience.tenantId, await selectSurplus(tx, experience, MOST, id));
  return { id, merged: false };
}

/** The playbook of a scope that does the same for a goal with mostly the same words. */
async function findAlike(tx: Tx, scope: PlaybookScope, { goal, shape }: Success): Promise<Playbook | undefined> {
  const same = await selectByGoal(tx, scope, shape, goal);
  if (same !== undefined) return same;
  const spaces = await findSpaces(tx, { ...scope, kinds: ['playbook'] });
  const { found } = await findTexts(tx, spaces, { query: goal, count: CANDIDATES }, async (refs) => {
    const playbooks = await selectPlaybooks(tx, scope.tenantId, refs, shape);
    return new Map(playbooks.map((playbook) => [playbook.id, playbook]));
  });
  return found.find(({ match }) => isAlike(match.goal, goal))?.match;
}

/** Counts a failure for playbooks that a run went by; those that are wrong more often than right fall out. */
export async function recordPlaybookFailures(tx: Tx, scope: PlaybookScope, ids: readonly string[]): Promise<void> {
  if (ids.length === 0 || !(await holdScope(tx, scope))) return;
  const wrong = (await updateFailures(tx, scope, ids)).filter(isWrong);
  await remove(
    tx,
    scope.tenantId,
    wrong.map(({ id }) => id),
  );
}

/** Deletes a playbook. Throws `not_found`. */
export async function deletePlaybook(tx: Tx, { tenantId, userId, traceId }: Requester, id: string): Promise<void> {
  const [known] = await selectPlaybooks(tx, tenantId, [id]);
  if (known !== undefined) await holdScope(tx, { tenantId, personaId: known.persona_id });
  if ((await remove(tx, tenantId, [id])) === 0) throw new ReeveError('not_found', `there is no playbook ${id}`);
  const details = { playbook: id };
  await recordAudit(tx, [{ tenantId, actor: userId, action: 'PLAYBOOK_DELETED', traceId, details }]);
}

/** Candidates whose record is considered. */
const CANDIDATES = 20;
/** The most by which a proven playbook outweighs an unproven one. */
const UNSURE = 0.5;

/** The best playbooks for a goal, by its words, its vector if it has one, and their success. */
export async function offerPlaybooks(
  tx: Tx,
  scope: PlaybookScope,
  goal: string,
  top: number,
  asked?: QueryVector,
): Promise<Playbook[]> {
  const { tenantId, personaId } = scope;
  const spaces = await findSpaces(tx, { tenantId, personaId, kinds: ['playbook'] });
  const byThemselves = async (refs: readonly string[]) => new Map(refs.map((ref) => [ref, ref]));
  const { found, terms } = await findTexts(tx, spaces, { query: goal, asked, count: CANDIDATES }, byThemselves);
  const telling = found.filter((one) => isTelling(one, terms)).slice(0, CANDIDATES);
  const scores = new Map(telling.map(({ match: id, score }) => [id, score]));
  const valueOf = ({ id, successes, failures }: Playbook) =>
    scores.get(id)! * (UNSURE + (1 - UNSURE) * confidenceOf(successes, failures));
  const playbooks = await selectPlaybooks(tx, tenantId, [...scores.keys()]);
  return playbooks
    .toSorted((one, other) => valueOf(other) - valueOf(one) || (one.id < other.id ? -1 : 1))
    .slice(0, top);
}

/** A playbook as a run is shown it. */
export function playbookItem(playbook: Playbook): RunContextItem {
  const { id, steps } = playbook;
  return {
    kind: 'playbook',
    text: textOf(playbook),
    source: `playbook ${id}`,
    playbook: { id, tool: steps[0]?.tool ?? '' },
  };
}

/** Playbooks of a context that begin with the run’s first tool; others were not followed, so the run proves nothing about them. */
export function followedPlaybooks(context: readonly RunContextItem[], first: string): string[] {
  return context.flatMap(({ playbook }) => (playbook?.tool === first ? [playbook.id] : []));
}

/**
 * Keeps a persona, and then its scope, from being changed by others until the transaction ends, so that nobody waits for another
 * who waits for him. Answers whether there is such a persona.
 */
async function holdScope(tx: Tx, scope: PlaybookScope): Promise<boolean> {
  const { tenantId, personaId } = scope;
  if (personaId !== null && !(await lockPersona(tx, tenantId, personaId, 'key share'))) return false;
  await lockPlaybooks(tx, scope);
  return true;
}

async function remove(tx: Tx, tenantId: string, ids: readonly string[]): Promise<number> {
  if (ids.length === 0) return 0;
  const gone = await deletePlaybooks(tx, tenantId, ids);
  for (const [personaId, playbooks] of Map.groupBy(gone, ({ persona_id }) => persona_id)) {
    const space = await ensureSpace(tx, spaceOf({ tenantId, personaId }));
    await unindexTexts(
      tx,
      space,
      playbooks.map(({ id }) => id),
    );
  }
  return gone.length;
}

function spaceOf({ tenantId, personaId }: PlaybookScope) {
  return { tenantId, personaId, kind: 'playbook' } as const;
}
