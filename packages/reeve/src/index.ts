export { readConfig } from './config.ts';
export type { Config } from './config.ts';
export { startReeve } from './start.ts';
export type { Reeve, StartOptions } from './start.ts';
