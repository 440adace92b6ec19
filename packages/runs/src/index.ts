export { cancelRun } from './cancel.ts';
export { createFeed } from './feed.ts';
export type { Feed } from './feed.ts';
export { createRunHandler } from './handler.ts';
export { startRun } from './start.ts';
export type { RunRequest, StartParts, StartedRun } from './start.ts';
export { listRuns, listSteps, selectRun } from './store.ts';
export { waitForRun } from './wait.ts';
export type { EndedRun } from './wait.ts';
