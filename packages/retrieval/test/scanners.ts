import type { Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { openScanner, type Scanner, type ScannerOptions } from '../src/vectors/scan.ts';

/** Scanners of a test, which are closed together. */
export interface TestScanners {
  open(database: Pick<Database, 'db'>, options?: ScannerOptions, log?: typeof silentLog): Scanner;
  close(): Promise<void>;
}

export function createTestScanners(): TestScanners {
  const opened: Scanner[] = [];
  return {
    open({ db }, options, log = silentLog) {
      const scanner = openScanner(db, log, options);
      opened.push(scanner);
      return scanner;
    },
    async close() {
      for (const scanner of opened.splice(0)) await scanner[Symbol.asyncDispose]();
    },
  };
}
