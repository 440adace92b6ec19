/** What a day's bar stands for. */
export const MEASURES = ['cost', 'tokens', 'calls'] as const;

export type Measure = (typeof MEASURES)[number];
