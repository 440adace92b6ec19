import { inTenant, type Database, type Tx } from '@reeve/db';
import { ReeveError, storableText, type Log } from '@reeve/kit';
import type { ModelGateway } from '@reeve/models';
import type { CallLedger, CallOwner } from '@reeve/ledger';
import { recallContext, remember } from '../memories.ts';
import {
  claimExtraction,
  delayExtraction,
  deleteExtraction,
  hasPersona,
  hasSession,
  insertExtraction,
  type ClaimedExtraction,
  type Extraction,
} from './extraction-store.ts';
import { factsOf } from './facts.ts';
import type { MemoryRulesOf } from './sensitive.ts';

/*
 * Facts from conversations, behind the runs
 *
 *   run completes ──► due ──claim──► asked ──facts stored──► gone
 *                      ▲               │
 *                      └──failed, died─┘   (five attempts, then gone)
 *
 * A run is noted in the transaction that completes it, and its note goes in the one that stores its facts. So a process that dies
 * loses nothing and stores nothing twice; a model may be asked twice.
 */

/** What extraction depends on. */
export interface ExtractionParts {
  readonly database: Database;
  readonly models: ModelGateway;
  readonly ledgerFor: (owner: CallOwner) => CallLedger;
  readonly rulesOf: MemoryRulesOf;
  readonly log: Log;
}

/** UTF-16 units kept of each message. */
const LONGEST = 8_000;

/** Schedules extraction for a run, in the transaction that completes it. */
export async function noteForExtraction(tx: Tx, one: Extraction): Promise<void> {
  const cut = (text: string) => storableText(text.slice(0, LONGEST));
  await insertExtraction(tx, { ...one, said: cut(one.said), answered: cut(one.answered) });
}

/** Time for a model call with its repair; after it another process may claim the run. */
const ASK_MS = 300_000;
const LEASE_S = 400;
const MOST_ATTEMPTS = 5;
/** After the first failure; doubled after each further one. */
const RETRY_S = 60;
/** A budget is not soon full again. */
const NO_BUDGET_S = 3_600;
/** Memories shown to the model. */
const KNOWN = 10;
const TAG = 'extracted';

/** Extracts facts of the run that is due first. Returns false if none is due. A failure is retried later and does not throw. */
export async function extractNext(parts: ExtractionParts, signal: AbortSignal): Promise<boolean> {
  const one = await claimExtraction(parts.database.db, LEASE_S);
  if (one === undefined) return false;
  try {
    await extract(parts, one, signal);
  } catch (thrown) {
    await putOff(parts, one, signal.aborted ? undefined : ReeveError.from(thrown));
  }
  return true;
}

async function extract(parts: ExtractionParts, one: ClaimedExtraction, signal: AbortSignal): Promise<void> {
  const { database, models, ledgerFor, rulesOf, log } = parts;
  const { tenantId, sessionId, runId, personaId, agent, userId, traceId } = one;
  const rules = await rulesOf(tenantId);
  const known = await inTenant(database.db, tenantId, async (tx) =>
    // Facts are dropped if the conversation, its persona or the setting was removed meanwhile.
    rules.extract && (await hasSession(tx, tenantId, sessionId)) && (await hasPersona(tx, tenantId, personaId))
      ? recallContext(tx, tenantId, personaId, `${one.said} ${one.answered}`, KNOWN)
      : undefined,
  );
  // The built-in mock is no language model: it finds no facts.
  const isAsked = known !== undefined && models.describe(one.model).provider !== 'mock';
  const owner = { tenantId, userId, traceId, agentId: agent, personaId, runId, rootRunId: null, step: null };
  const facts = isAsked
    ? await factsOf(
        models,
        one,
        known,
        AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]),
        ledgerFor(owner),
        tenantId,
      )
    : [];
  const who = { tenantId, userId: `agent:${agent}`, traceId };
  await inTenant(database.db, tenantId, async (tx) => {
    if (!(await deleteExtraction(tx, one))) return;
    for (const text of facts) {
      try {
        await remember(tx, who, { text, tags: [TAG], persona_id: personaId, sessionId, runId }, rules);
      } catch (error) {
        // Refused before anything was written.
        if (!(error instanceof ReeveError) || error.reason !== 'content_refused') throw error;
        log.info(
          { run_id: runId, tenant_id: tenantId },
          'a fact of a conversation was left out: it is never remembered',
        );
      }
    }
  });
}

/** Without an error: the process stops, and the next one goes on. */
async function putOff(
  { database, log }: ExtractionParts,
  one: ClaimedExtraction,
  error: ReeveError | undefined,
): Promise<void> {
  const { tenantId, runId, attempts } = one;
  await inTenant(database.db, tenantId, async (tx) => {
    if (error === undefined) return delayExtraction(tx, one, 0);
    if (attempts < MOST_ATTEMPTS)
      return delayExtraction(
        tx,
        one,
        error.reason === 'budget_exhausted' ? NO_BUDGET_S : RETRY_S * 2 ** (attempts - 1),
      );
    await deleteExtraction(tx, one);
  });
  const left = error === undefined ? 'at the next start' : attempts < MOST_ATTEMPTS ? 'later' : 'no more';
  log.warn(
    { err: error, run_id: runId, tenant_id: tenantId },
    `the facts of a conversation were not found; trying again ${left}`,
  );
}
