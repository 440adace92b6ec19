import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadOnlyDirectory } from '@reeve/sandbox';
import { PLACES } from './inside/wire.ts';

/** What the program that runs an extension is made of, beside the operator's folder: directories of Reeve itself, read-only there. */
export const PARTS: readonly ReadOnlyDirectory[] = [
  { path: dirname(fileURLToPath(new URL('./inside/run.ts', import.meta.url))), at: PLACES.inside },
  { path: dirname(fileURLToPath(import.meta.resolve('@reeve/client'))), at: PLACES.client },
  { path: dirname(createRequire(import.meta.url).resolve('zod/package.json')), at: PLACES.zod },
];
