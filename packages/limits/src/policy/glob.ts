/**
 * True where a name fits a pattern from end to end: `*` stands for any text, slashes included, `?` for any one character, all
 * else for itself. Takes time in proportion to the product of both lengths, whatever they hold.
 */
export function globMatches(pattern: string, name: string): boolean {
  let [at, met] = [0, 0];
  /** Where to go on when what follows the last star does not fit: the star takes one character more. */
  let star = -1;
  let starMet = 0;
  while (met < name.length) {
    if (pattern[at] === '*') {
      star = at++;
      starMet = met;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[met])) {
      at += 1;
      met += 1;
    } else if (star >= 0) {
      at = star + 1;
      met = ++starMet;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}

/** True where one of the patterns fits one of the names. */
export function anyMatches(patterns: readonly string[], ...names: readonly string[]): boolean {
  return patterns.some((pattern) => names.some((name) => globMatches(pattern, name)));
}
