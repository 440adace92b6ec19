import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Profiler } from 'node:inspector';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Door } from './doors.ts';

/** Where the code of a part of a request is. */
const PARTS = {
  'keys and limits':
    /\/tenancy\/src\/(authenticate|access|expiring|keys-|limit|overload|policy|use-log|store\/(key|rate|policy))/,
  audit: /\/packages\/audit\/src\//,
} as const;

/**
 * The share of a server's busy processor time, in percent, with code of a part on the stack, while `work` goes on. What the part
 * causes later, such as the driver's work on its statements, has no stack that names it, and is not in it: a lower bound.
 */
export async function profile(door: Door, work: () => Promise<unknown>): Promise<Record<keyof typeof PARTS, number>> {
  process.kill(door.pid, 'SIGUSR2');
  await work();
  process.kill(door.pid, 'SIGUSR2');
  const file = join(door.directory, 'profile.json');
  for (const until = performance.now() + 10_000; !existsSync(file); await sleep(50))
    if (performance.now() > until) throw new Error('there is no profile after 10 s');
  const { nodes, samples = [], timeDeltas = [] } = JSON.parse(await readFile(file, 'utf8')) as Profiler.Profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const spent = { busy: 0, 'keys and limits': 0, audit: 0 };
  for (const [index, sample] of samples.entries()) {
    const micros = timeDeltas[index]!;
    if (byId.get(sample)!.callFrame.functionName === '(idle)') continue;
    spent.busy += micros;
    const urls: string[] = [];
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id))
      urls.push(byId.get(id)!.callFrame.url);
    for (const part of Object.keys(PARTS) as (keyof typeof PARTS)[])
      if (urls.some((url) => PARTS[part].test(url))) spent[part] += micros;
  }
  const share = (part: keyof typeof PARTS) => (100 * spent[part]) / spent.busy;
  return { 'keys and limits': share('keys and limits'), audit: share('audit') };
}
