// `npm run bench -- <name> [--quick] [--json] [--database postgres://…] [--soak [--minutes 10]]`: runs bench/<name>/index.ts and prints its figures.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { jsonOf, machine, tableOf, type BenchOptions, type Measurements } from './measure.ts';

interface Bench {
  readonly bench: (options: BenchOptions) => Promise<Measurements>;
  /** A long load, of so many minutes. */
  readonly soak?: (options: BenchOptions, minutes: number) => Promise<Measurements>;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    database: { type: 'string' },
    soak: { type: 'boolean' },
    minutes: { type: 'string', default: '10' },
  },
});
const names = readdirSync(import.meta.dirname).filter((name) =>
  existsSync(join(import.meta.dirname, name, 'index.ts')),
);
const [name] = positionals;

const minutes = Number(values.minutes);

if (!(minutes > 0 && minutes <= 1_440)) {
  console.error(`--minutes ${values.minutes}: it must be a number above 0, at most 1440`);
  process.exitCode = 1;
} else if (name === undefined || !names.includes(name)) {
  console.error(
    `${name === undefined ? '' : `There is no benchmark ${name}.\n`}npm run bench -- <name> [--quick] [--json] [--database postgres://…]\nnpm run bench -- gateway --soak [--minutes 10] [--json] [--database postgres://…]\nNames: ${names.join(', ')}`,
  );
  process.exitCode = name === undefined ? 0 : 1;
} else {
  // Where @reeve/testing makes its PostgreSQL databases; it reads this when it is imported.
  if (values.database === undefined) delete process.env['REEVE_TEST_DATABASE_URL'];
  else process.env['REEVE_TEST_DATABASE_URL'] = values.database;
  const { bench, soak } = (await import(`./${name}/index.ts`)) as Bench;
  if (values.soak && soak === undefined) throw new Error(`${name} has no --soak`);
  const { cpu, cores, node, load } = machine();
  const begun = performance.now();
  const options = { quick: values.quick ?? false, databaseUrl: values.database };
  const measurements = values.soak && soak !== undefined ? await soak(options, minutes) : await bench(options);
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(`${name}: ${cores} × ${cpu}, Node ${node}, load ${load} before, ${machine().load} after ${seconds} s\n`);
  console.log(tableOf(measurements));
  if (values.json) console.log(jsonOf(name, measurements));
}
