import { recordAudit } from '@reeve/audit';
import { routes, type BodyOf } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { requesterOf, type App } from '@reeve/http';
import { invalidField } from '@reeve/kit';
import type { MemoryRules, MemoryRulesOf } from '../care/sensitive.ts';
import { personaIdOf } from '../knowledge/personas.ts';
import type { Requester } from '../session.ts';
import type { MadeCall } from './playbook.ts';
import { deletePlaybook, learnPlaybook } from './playbooks.ts';
import { listPlaybookRows } from './store.ts';

/** Mounts the routes of playbooks. */
export function mountPlaybooks(app: App, { db }: Pick<Database, 'db'>, rulesOf: MemoryRulesOf): void {
  app.mount(routes.storePlaybook, async (call) => {
    const { tenantId } = call.principal;
    const rules = await rulesOf(tenantId);
    return inTenant(db, tenantId, (tx) => storePlaybook(tx, requesterOf(call), call.body, rules));
  });

  app.mount(routes.listPlaybooks, ({ principal: { tenantId }, query: { persona_id: persona, limit, offset } }) =>
    inTenant(db, tenantId, async (tx) => {
      const personaId = await personaIdOf(tx, tenantId, persona);
      return { ...(await listPlaybookRows(tx, tenantId, personaId, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.deletePlaybook, async (call) => {
    await inTenant(db, call.principal.tenantId, (tx) => deletePlaybook(tx, requesterOf(call), call.params.id));
    return null;
  });
}

type PlaybookInput = BodyOf<typeof routes.storePlaybook>;
type Step = PlaybookInput['history_sequence'][number];

/** Stores a playbook from a history. Throws `not_found` for the persona, and `invalid_request` for a history without calls. */
export async function storePlaybook(
  tx: Tx,
  { tenantId, userId: actor, traceId }: Requester,
  { session_id: sessionId, prompt: goal, history_sequence: sequence, persona_id: persona }: PlaybookInput,
  rules: MemoryRules,
): Promise<{ id: string; merged: boolean }> {
  if (goal.trim() === '') throw invalidField('prompt', 'must say what the goal is');
  const calls = sequence.flatMap(callOf);
  const personaId = await personaIdOf(tx, tenantId, persona ?? null);
  const learnt = await learnPlaybook(tx, { tenantId, personaId, goal, calls, sessionId, runId: null }, rules);
  if (learnt === undefined) throw invalidField('history_sequence', 'must hold 1 to 20 calls of tools');
  const details = { playbook: learnt.id, merged: learnt.merged, session: sessionId };
  await recordAudit(tx, [{ tenantId, actor, action: 'PLAYBOOK_STORED', traceId, details }]);
  return learnt;
}

/** The call in an entry; none for entries that are not tool plans. */
function callOf(step: Step, at: number): MadeCall[] {
  if ('tool' in step) return [{ tool: step.tool, input: step.args }];
  if (step.role !== 'tool-plan') return [];
  try {
    const { name, input } = JSON.parse(step.content) as { name?: unknown; input?: unknown };
    if (typeof name === 'string' && name !== '') return [{ tool: name.slice(0, 100), input }];
  } catch {
    // Told below.
  }
  throw invalidField(`history_sequence.${at}.content`, 'must be JSON with name and input, as sessions have it');
}
