import type { TenantSettings, TenantSettingsPatch } from '@reeve/contract';
import { compileLinear, fieldMessage, ReeveError } from '@reeve/kit';

/** What is wrong with a pattern, and where it stands. */
export interface PatternProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Everything that is wrong with the patterns of settings, which the contract cannot tell. */
export function patternProblems({ memory }: TenantSettings | TenantSettingsPatch): PatternProblem[] {
  return (['refuse', 'mask'] as const).flatMap((list) =>
    (memory?.[list] ?? []).flatMap((source, at) => {
      const compiled = compileLinear(source);
      return 'problem' in compiled ? [{ path: ['memory', list, at], message: compiled.problem }] : [];
    }),
  );
}

/** Throws `invalid_request` that names every pattern of what was sent that is none. `field`: where the settings stand in it. */
export function requirePatterns(settings: TenantSettings | TenantSettingsPatch, field?: string): void {
  const details = patternProblems(settings).map(({ path, message }) => ({
    path: [...(field === undefined ? [] : [field]), ...path].join('.'),
    message,
  }));
  const [first] = details;
  if (first !== undefined) throw new ReeveError('invalid_request', fieldMessage(first), { details });
}
