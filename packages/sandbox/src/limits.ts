import { ReeveError } from '@reeve/kit';
import type { ExecRequest, Limits } from './sandbox.ts';

const MIB = 1024 * 1024;

/** What a call may add to its workspace by default. */
export const MAX_ADDED: Pick<Limits, 'diskBytes' | 'files'> = { diskBytes: 512 * MIB, files: 20_000 };

/** All limits of a request. Throws ReeveError `invalid_request` for a limit that is not a positive whole number. */
export function limitsOf({ limits = {}, timeoutMs }: Pick<ExecRequest, 'limits' | 'timeoutMs'>): Limits {
  const all = { ...defaultLimits(timeoutMs), ...limits };
  for (const [name, value] of Object.entries(all)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ReeveError('invalid_request', `the limit ${name} must be a whole number above 0, not ${String(value)}`);
  }
  return all;
}

/** Default limits: four processors for the whole time, and room for ordinary work. */
function defaultLimits(timeoutMs: number): Limits {
  return {
    cpuMs: 4 * timeoutMs,
    memoryBytes: 1024 * MIB,
    processes: 64,
    openFiles: 256,
    fileBytes: 64 * MIB,
    ...MAX_ADDED,
  };
}
