import { recordAudit, type AuditAction } from '@reeve/audit';
import { ROLES, type ApiKeyInput, type ApiKeyWithSecret } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import type { Principal } from '@reeve/http';
import { invalidField, newId, ReeveError } from '@reeve/kit';
import { digestOf, newPublicId, newSecret } from './secret.ts';
import {
  endSecrets,
  insertKey,
  insertSecret,
  lockKey,
  selectKey,
  updateRevoked,
  updateRotated,
  type StoredKey,
} from '../store/key.ts';

/** Who changes keys, and in which trace. */
export interface KeyRequester {
  readonly principal: Principal;
  readonly traceId: string;
}

/** Secrets of a key that may be valid at once. */
const MAX_SECRETS = 10;

/**
 * Creates a key in the caller's tenant, with its audit row, and answers its secret, which is stored nowhere. Throws
 * `forbidden` for a role above the caller's own, and `invalid_request` for an expiry that is not in the future.
 */
export async function createKey(database: Database, by: KeyRequester, input: ApiKeyInput): Promise<ApiKeyWithSecret> {
  const { tenantId, userId, role: own } = by.principal;
  if (ROLES.indexOf(input.role) > ROLES.indexOf(own))
    throw new ReeveError('forbidden', `you are ${own} and cannot give a key the role ${input.role}`);
  const publicId = newPublicId();
  const secret = newSecret(publicId);
  return inTenant(database.db, tenantId, async (tx) => {
    const of = { id: newId(), tenantId, publicId, lastFour: secret.slice(-4), createdBy: userId };
    const id = await insertKey(tx, of, input);
    if (id === undefined) throw invalidField('expires_at', 'must be in the future');
    await insertSecret(tx, tenantId, id, digestOf(secret));
    const { name, role, expires_at } = input;
    await record(tx, by, 'KEY_CREATED', id, { name, role, expires_at: expires_at ?? null });
    return { ...(await selectKey(tx, tenantId, id)), secret };
  });
}

/**
 * Gives a key another secret, with its audit row. Those that it had stay valid for the grace, or as long as they were.
 * Throws `not_found`, and `conflict` for a key that is not active, or has ten valid secrets.
 */
export function rotateKey(
  database: Database,
  by: KeyRequester,
  id: string,
  graceSeconds: number,
): Promise<ApiKeyWithSecret> {
  const { tenantId } = by.principal;
  return inTenant(database.db, tenantId, async (tx) => {
    const { publicId, status } = await requireKey(tx, tenantId, id);
    if (status !== 'active')
      throw new ReeveError(
        'conflict',
        `this key ${status === 'revoked' ? 'was revoked' : 'has expired'}; create another`,
      );
    if ((await endSecrets(tx, id, graceSeconds)) >= MAX_SECRETS)
      throw new ReeveError(
        'conflict',
        `this key has ${MAX_SECRETS} valid secrets: wait for a grace to end, or rotate it with grace_seconds 0`,
      );
    const secret = newSecret(publicId);
    await insertSecret(tx, tenantId, id, digestOf(secret));
    await updateRotated(tx, id, secret.slice(-4));
    await record(tx, by, 'KEY_ROTATED', id, { grace_seconds: graceSeconds });
    return { ...(await selectKey(tx, tenantId, id)), secret };
  });
}

/** Revokes a key for good, with its audit row; does nothing where that was done before. Throws `not_found`. */
export function revokeKey(database: Database, by: KeyRequester, id: string): Promise<void> {
  const { tenantId } = by.principal;
  return inTenant(database.db, tenantId, async (tx) => {
    const { status } = await requireKey(tx, tenantId, id);
    if (status === 'revoked') return;
    await updateRevoked(tx, id);
    await record(tx, by, 'KEY_REVOKED', id, {});
  });
}

async function requireKey(tx: Tx, tenantId: string, id: string): Promise<StoredKey> {
  const key = await lockKey(tx, tenantId, id);
  if (key === undefined) throw new ReeveError('not_found', `there is no key ${id}`);
  return key;
}

function record(tx: Tx, { principal, traceId }: KeyRequester, action: AuditAction, keyId: string, details: object) {
  const { tenantId, userId } = principal;
  return recordAudit(tx, [{ tenantId, actor: userId, action, traceId, details: { key_id: keyId, ...details } }]);
}
