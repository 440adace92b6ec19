import { createPlace } from '../place.ts';
import { createDatabase } from '../queue/postgres.ts';
import type { Address } from './engine.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';

export const REEVE = 'Reeve';
export const ON_PGLITE = 'Reeve on PGlite';

/** What is compared: a file of engines/ and the place that it gets. */
export interface Contender {
  /** As the figures name it. */
  readonly name: string;
  readonly engine: string;
  readonly place: 'pglite' | 'postgres';
}

export const CONTENDERS: readonly Contender[] = [
  { name: REEVE, engine: 'reeve', place: 'postgres' },
  { name: ON_PGLITE, engine: 'reeve', place: 'pglite' },
  { name: 'LangGraph.js', engine: 'langgraph', place: 'postgres' },
  { name: 'LangGraph.js, async', engine: 'langgraph-async', place: 'postgres' },
  { name: 'DBOS', engine: 'dbos', place: 'postgres' },
  { name: 'Mastra', engine: 'mastra', place: 'postgres' },
];

/** One of them over an empty place of its own, in a process of its own that has done a run. */
export interface OpenContender extends Contender {
  readonly address: Address;
  readonly process: EngineProcess;
}

/** Opens one on the stack. */
export async function openContender(
  contender: Contender,
  serverUrl: string | undefined,
  stack: AsyncDisposableStack,
): Promise<OpenContender> {
  const address = await openAddress(contender, serverUrl, stack);
  const process = stack.use(await startEngineProcess(contender.engine, address));
  return { ...contender, address, process };
}

/** An empty place of its kind. */
export async function openAddress(
  { place }: Contender,
  serverUrl: string | undefined,
  stack: AsyncDisposableStack,
): Promise<Address> {
  if (place === 'pglite') return { dataDirectory: stack.use(await createPlace('pglite')).dataDirectory };
  if (serverUrl === undefined) throw new Error('a PostgreSQL place needs --database');
  return { url: stack.use(await createDatabase(serverUrl)).url };
}
