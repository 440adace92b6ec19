import { recordAudit } from '@reeve/audit';
import type { Persona, PersonaInput, PersonaPatch } from '@reeve/contract';
import { inTenant, isUniqueViolation, type Db, type Tx } from '@reeve/db';
import { freeSlug, invalidField, newId, ReeveError, requireSlug, slugFromName } from '@reeve/kit';
import { removeSpace, removeSpaces } from '@reeve/retrieval';
import type { Requester } from '../session.ts';
import {
  deletePersonaRow,
  insertPersona,
  lockPersona,
  selectPersona,
  selectPersonaSlugs,
  updatePersonaRow,
} from './persona-store.ts';
import { unreferenceVersions } from './version-store.ts';
import { removeUnreferencedVersions } from './versions.ts';
import { findSpaces } from '../spaces.ts';

/**
 * Makes a persona. Without a slug it gets one from its name, with a number where that is taken; a slug that was given and is
 * taken is a `conflict`.
 */
export async function createPersona(tx: Tx, who: Requester, input: PersonaInput): Promise<Persona> {
  const { tenantId, userId: createdBy } = who;
  const { name, description, slug: wanted } = input;
  if (wanted !== undefined) requireSlug(wanted, WHAT);
  const id = newId();
  const insert = (slug: string) => insertPersona(tx, { id, tenantId, createdBy, slug, name, description });
  if (wanted !== undefined && !(await insert(wanted))) throw slugTaken();
  const slug = wanted ?? (await insertUnderFreeSlug(tx, tenantId, name, insert));
  await record(tx, who, 'PERSONA_CREATED', { persona: slug, id });
  return requirePersona(tx, tenantId, id);
}

/** Changes the fields sent. Throws `not_found`, and `conflict` for a slug that is taken. */
export async function updatePersona(tx: Tx, who: Requester, ref: string, patch: PersonaPatch): Promise<Persona> {
  if (patch.slug !== undefined) requireSlug(patch.slug, WHAT);
  const before = await requirePersona(tx, who.tenantId, ref);
  await lockPersona(tx, who.tenantId, before.id, 'update');
  try {
    await updatePersonaRow(tx, before.id, patch);
  } catch (error) {
    throw isUniqueViolation(error) ? slugTaken() : error;
  }
  await record(tx, who, 'PERSONA_CHANGED', {
    persona: patch.slug ?? before.slug,
    id: before.id,
    fields: Object.keys(patch),
  });
  return requirePersona(tx, who.tenantId, before.id);
}

/** Deletes a persona with its knowledge bases, its memories and its playbooks, and all that they are found by. Throws `not_found`, and `conflict` while an agent has it. */
export async function removePersona(db: Db, who: Requester, ref: string): Promise<void> {
  const { tenantId } = who;
  await inTenant(db, tenantId, (tx) => deletePersona(tx, who, ref));
  // Where this fails, the indexer does it.
  await removeSpaces(db, { tenantId })
    .then(() => removeUnreferencedVersions(db, { tenantId }))
    .catch(() => undefined);
}

/** Deletes a persona, which disappears at once; large parts are removed afterwards. Throws as `removePersona`. */
export async function deletePersona(tx: Tx, who: Requester, ref: string): Promise<void> {
  const { id, slug } = await requirePersona(tx, who.tenantId, ref);
  await lockPersona(tx, who.tenantId, id, 'update');
  const { agents } = await requirePersona(tx, who.tenantId, id);
  if (agents > 0)
    throw new ReeveError('conflict', `${agents === 1 ? 'an agent has' : `${agents} agents have`} the persona ${slug}`);
  const kinds = ['soul', 'domain', 'body', 'mind', 'memory', 'playbook'] as const;
  const spaces = await findSpaces(tx, { tenantId: who.tenantId, personaId: id, kinds });
  for (const space of spaces) await removeSpace(tx, space);
  await unreferenceVersions(tx, { tenantId: who.tenantId, personaId: id, spaceIds: spaces.map((space) => space.id) });
  await deletePersonaRow(tx, who.tenantId, id);
  await record(tx, who, 'PERSONA_DELETED', { persona: slug, id });
}

/** A persona by id or slug. Throws `not_found`. */
export async function requirePersona(tx: Tx, tenantId: string, ref: string): Promise<Persona> {
  const persona = await selectPersona(tx, tenantId, ref);
  if (persona === undefined) throw new ReeveError('not_found', `there is no persona ${ref}`);
  return persona;
}

/** Resolves a persona’s ID or slug to its ID; undefined and null pass through. Throws `not_found`. */
export async function personaIdOf<None extends null | undefined>(
  tx: Tx,
  tenantId: string,
  ref: string | None,
): Promise<string | None> {
  return typeof ref === 'string' ? (await requirePersona(tx, tenantId, ref)).id : ref;
}

/**
 * Keeps a persona, by id or slug, from being deleted until the transaction ends, for what is to belong to it, and answers its id.
 * Throws `invalid_request` where there is none.
 */
export async function holdPersona(tx: Tx, tenantId: string, ref: string | null): Promise<string | null> {
  if (ref === null) return null;
  const persona = await selectPersona(tx, tenantId, ref);
  if (persona === undefined || !(await lockPersona(tx, tenantId, persona.id, 'key share')))
    throw invalidField('persona_id', `names no persona: ${ref}`);
  return persona.id;
}

const WHAT = 'a persona';

/** Inserts under a slug of a name's; two that do so at once get two. */
async function insertUnderFreeSlug(
  tx: Tx,
  tenantId: string,
  name: string,
  insert: (slug: string) => Promise<boolean>,
): Promise<string> {
  const wanted = slugFromName(name, 'persona');
  for (;;) {
    const slug = freeSlug(wanted, await selectPersonaSlugs(tx, tenantId, wanted));
    if (await insert(slug)) return slug;
  }
}

function slugTaken(): ReeveError {
  return new ReeveError('conflict', 'another persona has this slug', {
    details: [{ path: 'slug', message: 'is taken' }],
  });
}

function record(
  tx: Tx,
  { tenantId, userId: actor, traceId }: Requester,
  action: 'PERSONA_CREATED' | 'PERSONA_CHANGED' | 'PERSONA_DELETED',
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return recordAudit(tx, [{ tenantId, actor, action, traceId, details }]);
}
