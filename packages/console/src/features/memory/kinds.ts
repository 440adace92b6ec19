/** What of memory can be looked into. */
export const RECALLED = ['memory', 'message', 'both'] as const;
export type RecalledKind = (typeof RECALLED)[number];
