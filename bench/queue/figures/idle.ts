import { setTimeout as sleep } from 'node:timers/promises';
import { measured, type Measurements } from '../../measure.ts';
import type { Contender } from '../contender.ts';
import { countTransactions, vacuum } from '../postgres.ts';
import { LARGE_BATCHES } from './work.ts';
import type { Extent } from '../turns.ts';

/** PostgreSQL counts the transactions of a connection that fell idle up to ten seconds late. */
const COUNTED_AFTER_MS = 12_000;
const SECONDS = 20;

/** Transactions a second that one worker process of each makes in its database while there is nothing to do. */
export async function measureIdle(
  contenders: readonly Contender[],
  serverUrl: string,
  { problems }: Extent,
): Promise<Measurements> {
  const rates = new Map<Contender, number>();
  try {
    await Promise.all(contenders.map(({ front }) => front.call('clear')));
    // Else autovacuum would be counted too.
    for (const { address } of contenders) await vacuum(address.url!);
    await Promise.all(contenders.map(({ workers }) => workers[0]!.call('startWork', LARGE_BATCHES)));
    await sleep(COUNTED_AFTER_MS);
    const urls = contenders.map(({ address }) => address.url!);
    const counted = await countTransactions(serverUrl, urls, SECONDS);
    for (const contender of contenders) rates.set(contender, counted.get(contender.address.url!)!);
  } catch (error) {
    problems.push(`idle: ${String(error)}`);
  } finally {
    await Promise.all(contenders.map(({ workers }) => workers[0]!.call('stopWork')));
  }
  return {
    ratios: {},
    figures: Object.fromEntries(
      [...rates].map(([{ name }, rate]) => [
        `idle, transactions: ${name}`,
        measured([rate], '/s', name === 'Reeve' ? { atMost: 1 } : undefined),
      ]),
    ),
  };
}
