/**
 * Patterns of ssh_config(5) and sshd(8): `*` and `?` are wildcards, everything else is literal, and a pattern that begins
 * with `!` and matches makes the whole list fail.
 */
export type PatternList = readonly {
  readonly negated: boolean;
  readonly matches: (text: string) => boolean;
}[];

export function compilePatterns(patterns: readonly string[]): PatternList {
  return patterns.map((pattern) => {
    const negated = pattern.startsWith('!');
    return { negated, matches: wildcard(negated ? pattern.slice(1) : pattern) };
  });
}

export function matchesPatterns(list: PatternList, text: string): boolean {
  let found = false;
  for (const pattern of list) {
    if (!pattern.matches(text)) continue;
    if (pattern.negated) return false;
    found = true;
  }
  return found;
}

/**
 * Matches `*` and `?` without a regular expression, whose backtracking a hostile pattern could make exponential: only the last star
 * is ever retried.
 */
export function wildcard(pattern: string): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  if (pattern === '*') return () => true;
  return (text) => {
    let p = 0;
    let t = 0;
    let star = -1;
    let resume = 0;
    while (t < text.length) {
      if (pattern[p] === '*') {
        star = p++;
        resume = t;
      } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++resume;
      } else return false;
    }
    while (pattern[p] === '*') p++;
    return p === pattern.length;
  };
}
