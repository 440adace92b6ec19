/** What one look at this machine found. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was seen. */
  readonly evidence: string;
  /** What to do about it; null where nothing is to be done. */
  readonly remedy: string | null;
}

export function ok(name: string, evidence: string): Check {
  return { name, state: 'ok', evidence, remedy: null };
}

export function warn(name: string, evidence: string, remedy: string): Check {
  return { name, state: 'warn', evidence, remedy };
}

export function fail(name: string, evidence: string, remedy: string): Check {
  return { name, state: 'fail', evidence, remedy };
}
