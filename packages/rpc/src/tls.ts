import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ReeveError, type ConfigOf } from '@reeve/kit';
import { tlsSettings } from './config.ts';

/** A certificate with those between it and the authority, and its key; both PEM. */
export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What this process shows as a server and as a client, and who must have signed what others show. */
export interface Tls {
  readonly ca: Buffer;
  readonly server: Identity;
  readonly client: Identity;
}

/**
 * The files of mutual TLS, read once; undefined where none is configured. Throws `invalid_request` with every fault where some
 * are and others are not, where one cannot be read, or where a key is not that of its certificate.
 */
export function readTls(config: ConfigOf<typeof tlsSettings>): Tls | undefined {
  const names = Object.keys(tlsSettings) as (keyof typeof tlsSettings)[];
  const missing = names.filter((name) => config[name] === undefined);
  if (missing.length === names.length) return undefined;
  if (missing.length > 0)
    throw faults(missing.map((name) => [name, 'is not set, but others are: mutual TLS needs all five, or none']));
  const { ca, serverCert, serverKey, clientCert, clientKey } = readAll(config);
  return { ca, server: { cert: serverCert, key: serverKey }, client: { cert: clientCert, key: clientKey } };
}

type Fault = readonly [name: keyof typeof tlsSettings, message: string];

function readAll(config: ConfigOf<typeof tlsSettings>) {
  const found: Fault[] = [];
  const attempt = <T>(name: keyof typeof tlsSettings, what: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch {
      found.push([name, `is ${JSON.stringify(config[name])}, but ${what}`]);
      return undefined;
    }
  };
  const read = (name: keyof typeof tlsSettings) =>
    attempt(name, 'that file cannot be read', () => readFileSync(config[name]!));
  const certificate = (name: keyof typeof tlsSettings) => {
    const pem = read(name);
    const parsed = pem && attempt(name, 'that file holds no certificate (PEM)', () => new X509Certificate(pem));
    return { pem, parsed };
  };
  const keyOf = (name: keyof typeof tlsSettings, owner: X509Certificate | undefined) => {
    const pem = read(name);
    const key = pem && attempt(name, 'that file holds no key (PEM, not encrypted)', () => createPrivateKey(pem));
    if (key && owner?.checkPrivateKey(key) === false)
      found.push([name, `is ${JSON.stringify(config[name])}, but that is not the key of the certificate`]);
    return pem;
  };
  const ca = certificate('tlsCaCertPath');
  const server = certificate('tlsServerCertPath');
  const client = certificate('tlsClientCertPath');
  const serverKey = keyOf('tlsServerKeyPath', server.parsed);
  const clientKey = keyOf('tlsClientKeyPath', client.parsed);
  if (found.length > 0) throw faults(found);
  return {
    ca: ca.pem!,
    serverCert: server.pem!,
    serverKey: serverKey!,
    clientCert: client.pem!,
    clientKey: clientKey!,
  };
}

function faults(found: readonly Fault[]): ReeveError {
  const details = found.map(([name, message]) => {
    const { variable } = tlsSettings[name];
    return { path: variable, message: `${variable} ${message}` };
  });
  return new ReeveError('invalid_request', details.map(({ message }) => message).join('\n'), { details });
}
