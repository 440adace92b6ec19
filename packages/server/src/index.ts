export { readConfig } from './config.ts';
export type { Config } from './config.ts';
export { isSandboxAlone } from './roles/sandbox-place.ts';
export { startSandboxRole } from './roles/sandbox-role.ts';
export { startReeve } from './start.ts';
export type { Reeve, StartOptions } from './start.ts';
