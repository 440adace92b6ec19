/** A place that reads prose, since what it reads has no field: `code` is a part of the expression. */
export interface Exception {
  readonly path: string;
  readonly code: string;
  readonly reason: string;
}

/** Most read the text of another program or library, which has no code for the case. */
export const exceptions: readonly Exception[] = [
  { path: 'packages/console/src/ui/format.ts', code: '```', reason: 'shortens a text for a line, whatever it says' },
  { path: 'packages/cli/src/output.ts', code: '\\p{Cc}', reason: 'removes control characters, whatever it says' },
  { path: 'packages/db/src/sqlstate.ts', code: 'Connection terminated', reason: 'pg gives these errors no code' },
  { path: 'packages/gateway/src/start-failure.ts', code: 'timeout exceeded', reason: 'pg gives this error no code' },
  { path: 'packages/http/src/validate.ts', code: 'received undefined', reason: 'zod has no code for a missing field' },
  { path: 'packages/http/src/validate.ts', code: 'Unrecognized', reason: 'zod does not mark its default wording' },
  { path: 'packages/documents/src/read-worker.ts', code: 'call stack', reason: 'V8 gives this error no code' },
  {
    path: 'packages/server/src/checks/parts.ts',
    code: 'target',
    reason: 'names the address once; decides nothing else',
  },
  { path: 'packages/tools/src/remote.ts', code: 'target', reason: 'names the address once; decides nothing else' },
  { path: 'packages/cli/src/commands/runs.ts', code: "message === '-'", reason: 'an argument of the command line' },
  { path: 'packages/cli/src/failure.ts', code: 'detail.message', reason: 'prints no sentence twice' },
  { path: 'packages/cli/src/failure.ts', code: '^error: ', reason: 'commander prefixes its messages' },
  { path: 'packages/kit/src/error.ts', code: 'PREDICATE', reason: 'joins a field and a message into a sentence' },
  {
    path: 'packages/sandbox/src/system/probe.ts',
    code: '.test(message)',
    reason: 'bubblewrap and Docker give no code',
  },
];
