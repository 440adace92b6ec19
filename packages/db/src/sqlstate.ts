/** True where a statement failed because the row is already there. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** True where the database could not be reached, was shutting down, or gave up to let another go on: try again. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (state === undefined) return isUnreachable(error);
  return (
    state.startsWith('08') ||
    state.startsWith('57P') ||
    state === '40001' ||
    state === '40P01' ||
    state === '53300' ||
    isStalePlan(error) ||
    isStatementMissing(error)
  );
}

/** True where an administrator, or a failover, ended the connection. */
export function isEndedByServer(error: unknown): boolean {
  return sqlState(error) === '57P01';
}

/** True where nothing was heard from the other end, or the connection broke: no database said a word. */
export function isUnreachable(error: unknown): boolean {
  if (sqlState(error) !== undefined) return false;
  return (
    networkCodes.has(codeOf(error) ?? '') ||
    // The last is what a rollback says on a connection that was lost at the commit before it.
    /Connection terminated|timeout exceeded when trying to connect|timeout expired|is not queryable/.test(String(error))
  );
}

/** True where a prepared statement would answer other columns than before, because a migration, perhaps of a newer process, changed a table. */
export function isStalePlan(error: unknown): boolean {
  // Its message may be in any language.
  return sqlState(error) === '0A000' && (error as { routine?: unknown }).routine === 'RevalidateCachedQuery';
}

/** True where the connection lacks a prepared statement, or has one under its name already: a pooler put another connection behind it. */
export function isStatementMissing(error: unknown): boolean {
  const state = sqlState(error);
  return state === '26000' || state === '42P05';
}

/** True where a statement was ended because it and another waited for each other. */
export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === '40P01';
}

/** True where a statement waited for a lock for longer than it may. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

/** True where the disk of the database is full. */
export function isDiskFull(error: unknown): boolean {
  return sqlState(error) === '53100' || codeOf(error) === 'ENOSPC';
}

/** True where the same write may succeed in a while: the database is out of reach, or its disk is full. */
export function mayPass(error: unknown): boolean {
  return isTransient(error) || isDiskFull(error);
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
]);

function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !networkCodes.has(code) ? code : undefined;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
