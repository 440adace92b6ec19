// `npm run bench -- <name> [--quick] [--json] [--database postgres://…]`: runs bench/<name>/index.ts and prints its figures.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { jsonOf, machine, tableOf, type BenchOptions, type Measurements } from './measure.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, database: { type: 'string' } },
});
const names = readdirSync(import.meta.dirname).filter((name) =>
  existsSync(join(import.meta.dirname, name, 'index.ts')),
);
const [name] = positionals;

if (name === undefined || !names.includes(name)) {
  console.error(
    `${name === undefined ? '' : `There is no benchmark ${name}.\n`}npm run bench -- <name> [--quick] [--json] [--database postgres://…]\nNames: ${names.join(', ')}`,
  );
  process.exitCode = name === undefined ? 0 : 1;
} else {
  // Where @reeve/testing makes its PostgreSQL databases; it reads this when it is imported.
  if (values.database === undefined) delete process.env['REEVE_TEST_DATABASE_URL'];
  else process.env['REEVE_TEST_DATABASE_URL'] = values.database;
  const { bench } = (await import(`./${name}/index.ts`)) as { bench: (options: BenchOptions) => Promise<Measurements> };
  const { cpu, cores, node, load } = machine();
  const begun = performance.now();
  const measurements = await bench({ quick: values.quick ?? false, databaseUrl: values.database });
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`${name}: ${cores} × ${cpu}, Node ${node}, load ${load} before, ${machine().load} after ${seconds} s\n`);
  console.log(tableOf(measurements));
  if (values.json) console.log(jsonOf(name, measurements));
}
