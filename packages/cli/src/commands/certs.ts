import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { collect, examples, exitWith } from '../options.ts';
import { note, printJson, printText, type OutputOptions } from '../output.ts';

interface CertsOptions extends OutputOptions {
  readonly host?: readonly string[];
}

const HELP = `
For development and small installations: an authority, and certificates for a server and for clients that it signed, good for 825
days. Each machine needs ca.crt and the files of its server and client; ca.key is needed nowhere, keep it apart or delete it.`;

export function define(command: Command, io: CommandIo): void {
  command
    .argument('<directory>', 'where to put them; it is made where it is missing, and nothing in it is overwritten')
    .option(
      '--host <name>',
      'name or address that the server is called by, beside localhost and the name of this machine; can be repeated',
      collect,
    )
    .option('--json', 'print one JSON document: each variable with its file')
    .addHelpText('after', HELP)
    .addHelpText('after', examples('reeve certs .reeve/certs --host sandbox.internal >> .env'))
    .action(exitWith(io, certs));
}

async function certs(io: CommandIo, directory: string, { host = [], json }: CertsOptions): Promise<number> {
  const { makeCertificates } = await import('@reeve/rpc/certificates');
  const names = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...host])];
  const files = await makeCertificates(resolve(io.directory, directory), names);
  const variables = {
    TLS_SERVER_CERT_PATH: files.serverCert,
    TLS_SERVER_KEY_PATH: files.serverKey,
    TLS_CA_CERT_PATH: files.ca,
    TLS_CLIENT_CERT_PATH: files.clientCert,
    TLS_CLIENT_KEY_PATH: files.clientKey,
  };
  if (json === true) printJson(io, variables);
  else for (const [name, path] of Object.entries(variables)) printText(io, `${name}=${path}`);
  note(io, `the server may be called ${names.join(', ')}`);
  return EXIT.done;
}
