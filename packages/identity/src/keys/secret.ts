import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/*
 * The secret of a key: rv_<public id>_<32 random bytes><checksum>, in letters and digits, so that a double click selects it
 * and a scanner for leaked secrets knows it. The public id is the key's, whatever its secret is; the checksum tells a mistyped
 * secret from an unknown one without asking the database. It is no proof: anybody can compute it.
 */

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PUBLIC_LENGTH = 12;
const RANDOM_BYTES = 32;
const RANDOM_LENGTH = 43;
const SUM_LENGTH = 6;
const FORM = new RegExp(`^rv_[0-9A-Za-z]{${PUBLIC_LENGTH}}_[0-9A-Za-z]{${RANDOM_LENGTH}}[0-9A-Za-z]{${SUM_LENGTH}}$`);

/** The public id of a new key: no two have the same. */
export function newPublicId(): string {
  return inDigits(randomBytes(9), 13).slice(-PUBLIC_LENGTH);
}

/** A new secret of the key with this public id. */
export function newSecret(publicId: string): string {
  const body = `${prefixOf(publicId)}_${inDigits(randomBytes(RANDOM_BYTES), RANDOM_LENGTH)}`;
  return body + checksumOf(body);
}

/** What every secret of a key begins with. */
export function prefixOf(publicId: string): string {
  return `rv_${publicId}`;
}

/** True for what `newSecret` could have made; false for one that was mistyped, cut off or made up. */
export function isWellFormed(secret: string): boolean {
  return FORM.test(secret) && checksumOf(secret.slice(0, -SUM_LENGTH)) === secret.slice(-SUM_LENGTH);
}

/** What is stored of a secret: its SHA-256 in hexadecimal. Secrets are random, so they need neither salt nor a slow hash. */
export function digestOf(secret: string): string {
  return hash('sha256', secret);
}

function checksumOf(body: string): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return inDigits(sum, SUM_LENGTH);
}

/** Bytes as a number to the base of 62, in a fixed number of digits. */
function inDigits(bytes: Buffer, length: number): string {
  let number = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (; text.length < length; number /= 62n) text = DIGITS[Number(number % 62n)]! + text;
  return text;
}
