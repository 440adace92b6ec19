import { isTransient, type Database } from '@reeve/db';
import { createBatcher, ReeveError } from '@reeve/kit';
import { createExpiringMap } from '../expiring-map.ts';
import { digestOf, isWellFormed } from './secret.ts';
import { selectByDigests, type FoundKey } from '../store/key.ts';

/*
 * What this process knows of a secret:
 *
 *   unknown ─(look)→ known ─(3 s, next use)→ known, looked up again beside the request
 *      ▲               │
 *      └─(5 s, expiry, or the key was changed)
 *
 * and `refused` instead of `known` where the database says no. A key that is changed elsewhere is told of by a
 * notification; should that be lost, its answer is 5 s old at most. A look that was under way when a key was changed is
 * answered, but not kept. Without the database what is known goes on for its time, and all else is `unavailable`.
 */

/** How old an answer of the database may be, in milliseconds. */
const KNOWN_MS = 5_000;
/** From when on it is renewed beside the requests that use it. */
const RENEW_MS = 3_000;
/** Secrets that are remembered, of those that are right and of those that are not: a flood of the one leaves the other. */
const REMEMBERED = 10_000;
/** Looks that may be under way or wait at once; one statement answers many. */
const MOST_LOOKS = 5_000;
const AT_ONCE = 500;

export interface KeyLookup extends Disposable {
  /** The key that a secret proves; throws `unauthenticated` with the reason, and `unavailable` where nobody can know. */
  find(secret: string): Promise<FoundKey>;
  /** Forgets what is known of a key, here and in every other process. For after the commit of its change. */
  changed(keyId: string): void;
}

interface Known {
  readonly key: FoundKey;
  readonly since: number;
}

/**
 * Looks keys up by their secrets, in as few statements as possible, until disposed. `used` is told of a valid key whose
 * last use is to be written down again, in the context of the request that uses it.
 */
export function openKeyLookup(database: Database, used: (key: FoundKey) => void): KeyLookup {
  const known = createExpiringMap<Known>(REMEMBERED);
  const refused = createExpiringMap<string>(REMEMBERED);
  const looks = new Map<string, Promise<FoundKey | string>>();
  const select = createBatcher(
    async (digests: readonly string[]) => {
      const found = await selectByDigests(database.db, digests);
      return digests.map((digest) => found.get(digest));
    },
    { limit: AT_ONCE, together: isTransient },
  );
  let changes = 0;

  function forget(keyId: string | null): void {
    changes += 1;
    known.forget(({ key }) => keyId === null || key.id === keyId);
    looks.clear();
  }

  function look(digest: string): Promise<FoundKey | string> {
    const under = looks.get(digest);
    if (under !== undefined) return under;
    if (looks.size >= MOST_LOOKS)
      throw new ReeveError('unavailable', 'too many unknown keys are being looked up; try again', {
        retryAfterMs: 1_000,
      });
    const begun = lookNow(digest).finally(() => {
      if (looks.get(digest) === begun) looks.delete(digest);
    });
    looks.set(digest, begun);
    return begun;
  }

  async function lookNow(digest: string): Promise<FoundKey | string> {
    const [since, changesBefore] = [performance.now(), changes];
    const key = await select(digest);
    if (key?.state !== 'valid') {
      const fault = key === undefined ? 'is not a key of this server' : FAULTS[key.state];
      known.delete(digest);
      refused.set(digest, fault, KNOWN_MS);
      return fault;
    }
    if (key.useDue) used(key);
    const leftMs = Math.min(KNOWN_MS, key.leftMs ?? Infinity) - (performance.now() - since);
    if (changes === changesBefore) known.set(digest, { key, since }, leftMs);
    return key;
  }

  const deaf = database.listen('reeve_keys', forget);
  return {
    async find(secret) {
      if (!isWellFormed(secret)) throw no('is not a key as this server makes them; was all of it copied?');
      const digest = digestOf(secret);
      const fresh = known.get(digest);
      if (fresh !== undefined) {
        if (performance.now() - fresh.since > RENEW_MS && looks.size < MOST_LOOKS)
          // What fails here is met by whoever asks once the answer is too old.
          look(digest).catch(() => undefined);
        return fresh.key;
      }
      const found = refused.get(digest) ?? (await look(digest));
      if (typeof found === 'string') throw no(found);
      return found;
    },
    changed(keyId) {
      forget(keyId);
      database.notify('reeve_keys', keyId);
    },
    [Symbol.dispose]: () => deaf(),
  };
}

/** Why a key is refused; only who has its whole secret is told. */
const FAULTS: Readonly<Record<Exclude<FoundKey['state'], 'valid'>, string>> = {
  expired: 'has expired',
  revoked: 'was revoked',
  rotated: 'was replaced by another secret of its key, and its grace has ended',
};

function no(fault: string): ReeveError {
  return new ReeveError('unauthenticated', `the API key ${fault}`);
}
