import { KeyStatus, MAX_GRACE_S, ROLES, routes, type ApiKey, type ApiKeyWithSecret, type Role } from '@reeve/contract';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { examples, exitWith, JSON_OPTION, seconds, withListOptions, type ListOptions } from '../options.ts';
import {
  note,
  printJson,
  printList,
  printText,
  shownTime,
  wantsJson,
  type Column,
  type OutputOptions,
} from '../output.ts';

interface KeysOptions extends ListOptions {
  readonly status?: KeyStatus;
}

interface SecretOptions extends OutputOptions {
  readonly secretOnly?: true;
}

interface CreateOptions extends SecretOptions {
  readonly role: Role;
  readonly expires?: string;
}

interface RotateOptions extends SecretOptions {
  readonly grace: number;
}

const ID = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';

const COLUMNS: readonly Column<ApiKey>[] = [
  ['ID', ({ id }) => id],
  ['NAME', ({ name }) => name],
  ['ROLE', ({ role }) => role],
  ['SECRET', ({ prefix, last_four }) => `${prefix}…${last_four}`],
  ['STATUS', ({ status, grace_ends_at }) => (grace_ends_at === null ? status : `${status}, rotated`)],
  ['LAST USED', ({ last_used_at }) => shownTime(last_used_at) || 'never'],
  ['EXPIRES', ({ expires_at }) => shownTime(expires_at) || 'never'],
  ['BY', ({ created_by }) => created_by],
];

export function define(command: Command, io: CommandIo): void {
  withListOptions(
    command
      .command('list')
      .description('API keys, newest first; never their secrets')
      .addOption(new Option('--status <status>', 'only these').choices(KeyStatus.options)),
  )
    .addHelpText('after', examples('reeve keys list --status active'))
    .action(exitWith(io, list));
  withSecretOptions(
    command
      .command('create <name>')
      .description('create an API key and print its secret, which is shown only once')
      .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).makeOptionMandatory())
      .option('--expires <when>', 'when it ends: a moment, or a time from now such as 12h or 90d', moment),
  )
    .addHelpText('after', examples('reeve keys create ci --role member --expires 90d'))
    .action(exitWith(io, create));
  withSecretOptions(
    command
      .command('rotate <id>')
      .description('give a key a new secret and print it; the old one is accepted for a while')
      .option('--grace <time>', 'for how long, such as 0s, 15m or 2h', grace, 3_600),
  )
    .addHelpText('after', examples(`reeve keys rotate ${ID} --grace 24h`))
    .action(exitWith(io, rotate));
  command
    .command('revoke <id>')
    .description('end a key for good, at once')
    .addHelpText('after', examples(`reeve keys revoke ${ID}`))
    .action(exitWith(io, revoke));
}

function withSecretOptions(command: Command): Command {
  return command
    .option('--secret-only', 'print nothing but the secret, for scripts')
    .addOption(new Option(...JSON_OPTION).conflicts('secretOnly'));
}

async function list(io: CommandIo, options: KeysOptions): Promise<number> {
  const { status, limit, offset } = options;
  await using connection = await connect(io, 'keys list');
  const answer = await connection.client.call(routes.listKeys, { query: { status, limit, offset } });
  printList(io, answer, answer.keys, COLUMNS, options);
  return EXIT.done;
}

async function create(io: CommandIo, name: string, options: CreateOptions): Promise<number> {
  const { role, expires } = options;
  await using connection = await connect(io, 'keys create');
  const key = await connection.client.call(routes.createKey, { body: { name, role, expires_at: expires } });
  printSecret(io, key, options, `created the key ${key.id}; keep its secret now, it is not shown again`);
  return EXIT.done;
}

async function rotate(io: CommandIo, id: string, options: RotateOptions): Promise<number> {
  await using connection = await connect(io, 'keys rotate');
  const body = { grace_seconds: options.grace };
  const key = await connection.client.call(routes.rotateKey, { params: { id }, body });
  const until =
    key.grace_ends_at === null ? 'refused from now on' : `accepted until ${shownTime(key.grace_ends_at)} UTC`;
  printSecret(io, key, options, `rotated the key ${key.id}; the old secret is ${until}`);
  return EXIT.done;
}

async function revoke(io: CommandIo, id: string): Promise<number> {
  await using connection = await connect(io, 'keys revoke');
  await connection.client.call(routes.revokeKey, { params: { id } });
  note(io, `revoked ${id}`);
  return EXIT.done;
}

/** The secret alone is data: it goes to stdout, or into the JSON of its key. */
function printSecret(io: CommandIo, key: ApiKeyWithSecret, options: SecretOptions, text: string): void {
  if (options.secretOnly !== true && wantsJson(io, options)) printJson(io, key);
  else {
    note(io, text);
    printText(io, key.secret ?? '');
  }
}

/** A moment, or a length of time from now, as the API takes it. */
function moment(text: string): string {
  if (/^\d+[smhd]$/.test(text)) return new Date(Date.now() + seconds(text) * 1_000).toISOString();
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(time.getTime())) return time.toISOString();
  throw new InvalidArgumentError(
    'It must be a moment such as 2027-01-01 or 2027-01-01T12:00:00Z, or a time such as 90d.',
  );
}

function grace(text: string): number {
  const length = seconds(text);
  if (length > MAX_GRACE_S) throw new InvalidArgumentError('It must be at most 30d.');
  return length;
}
