import { readFileSync } from 'node:fs';
import { routes, type Tenant } from '@reeve/contract';
import { parseTenants } from '@reeve/limits';
import type { Command } from 'commander';
import { readConfig } from '../config.ts';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import { examples, exitWith, JSON_OPTION, withListOptions, type ListOptions } from '../options.ts';
import {
  note,
  printFields,
  printJson,
  printList,
  printTable,
  printText,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface TenantsOptions extends ListOptions {
  readonly query?: string;
}

/** One value that holds, and where it comes from. */
interface Value {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

const COLUMNS: readonly Column<Tenant>[] = [
  ['TENANT', ({ id }) => id],
  ['FROM', ({ in_file, updated_at }) => [in_file && 'file', updated_at && 'override'].filter(Boolean).join(', ')],
  ['REQUESTS/MIN', ({ policy }) => policy.rate_limits.requests_per_minute || 'any'],
  ['RUNS', ({ policy }) => policy.rate_limits.concurrent_runs || 'any'],
  ['TOKENS/MONTH', ({ policy }) => policy.budgets['default'] || 'any'],
  ['USD/MONTH', ({ policy }) => (Number(policy.budgets_usd['default']) === 0 ? 'any' : policy.budgets_usd['default'])],
  ['NAME', ({ name }) => name],
];

const VALUES: readonly Column<Value>[] = [
  ['VALUE OF', ({ path }) => path],
  ['FROM', ({ origin }) => origin],
  ['VALUE', ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value))],
];

export function define(command: Command): void {
  withListOptions(
    command
      .command('list')
      .description('tenants, with what holds for them')
      .option('--query <text>', 'only those with this in their id or name'),
  )
    .addHelpText('after', examples('reeve tenants list'))
    .action(exitWith(list));
  command
    .command('show')
    .argument('<tenant>', 'its id')
    .description('each value that holds for a tenant, and where it comes from')
    .option(...JSON_OPTION)
    .addHelpText('after', examples('reeve tenants show default'))
    .action(exitWith(show));
  command
    .command('check')
    .argument('[file]', 'a tenants file; that of REEVE_TENANTS_FILE unless given')
    .description('0 where a tenants file is good, else 1 with every problem by its line')
    .option('--json', 'print one JSON document: {"ok": ..., "file": ..., "problems": [...]}')
    .addHelpText('after', examples('reeve tenants check conf/tenants.yaml'))
    .action(exitWith(check));
}

async function list(options: TenantsOptions): Promise<number> {
  const { limit, offset, query } = options;
  await using connection = await connect('tenants list');
  const answer = await connection.client.call(routes.listTenants, { query: { limit, offset, q: query } });
  printList(answer, answer.tenants, COLUMNS, options);
  return EXIT.done;
}

async function show(id: string, options: OutputOptions): Promise<number> {
  await using connection = await connect('tenants show');
  const tenant = await connection.client.call(routes.getTenant, { params: { id } });
  if (wantsJson(options)) {
    printJson(tenant);
    return EXIT.done;
  }
  const { name, updated_by, updated_at, created_at } = tenant;
  printFields([
    ['id', tenant.id],
    ['name', name],
    ['created_at', created_at],
    ['updated_by', updated_by],
    ['updated_at', updated_at],
  ]);
  printTable(valuesOf(tenant), VALUES);
  return EXIT.done;
}

function valuesOf({ policy, origins }: Tenant): Value[] {
  return Object.entries(origins).map(([path, origin]) => {
    const [field, name] = path.split('.') as [keyof typeof policy, string?];
    const value = policy[field];
    return { path, origin, value: name === undefined ? value : (value as Record<string, unknown>)[name] };
  });
}

async function check(file: string | undefined, options: OutputOptions): Promise<number> {
  const path = file ?? readConfig().config.tenantsFile;
  const { problems, sections } = read(path);
  const isGood = problems.length === 0;
  if (wantsJson(options)) printJson({ ok: isGood, file: path, problems });
  else if (isGood) printText(`${path} is good: ${[...sections.keys()].join(', ')}`);
  for (const { line, message } of problems) note(`${path}, line ${line}: ${message}`);
  return isGood ? EXIT.done : EXIT.failed;
}

function read(path: string): ReturnType<typeof parseTenants> {
  try {
    return parseTenants(readFileSync(path, 'utf8'));
  } catch (error) {
    const message = `it cannot be read: ${(error as Error).message}`;
    return { sections: new Map(), problems: [{ line: 1, message }] };
  }
}
