import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type Extension,
  type X509Certificate,
} from '@peculiar/x509';
import { ReeveError } from '@reeve/kit';

/** Where the files are that the variables `TLS_*` name. */
export interface CertificateFiles {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const DAY_MS = 24 * 60 * 60_000;
const VALID_DAYS = 825;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const crypto = webcrypto as unknown as Crypto;

/**
 * Makes an authority and certificates that it signs, for a server that is called by these names and addresses and for clients,
 * in a directory that is made where it is missing. Keys can be read by their owner alone. Throws `conflict` where one of the files
 * is there already: nothing is overwritten.
 */
export async function makeCertificates(directory: string, names: readonly string[]): Promise<CertificateFiles> {
  const at = (name: string) => join(directory, name);
  const there = FILES.filter((name) => existsSync(at(name)));
  if (there.length > 0)
    throw new ReeveError(
      'conflict',
      `${directory} already holds ${there.join(', ')}; remove them, or choose another directory`,
    );
  cryptoProvider.set(crypto);
  const ca = await makeAuthority();
  const server = await sign(ca, 'reeve-server', ExtendedKeyUsage.serverAuth, names);
  const client = await sign(ca, 'reeve-client', ExtendedKeyUsage.clientAuth, []);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, { cert, keys }] of Object.entries({ ca, server, client })) {
    await write(at(`${name}.key`), await keyPem(keys), 0o600);
    await write(at(`${name}.crt`), `${cert.toString('pem')}\n`, 0o644);
  }
  return {
    ca: at('ca.crt'),
    serverCert: at('server.crt'),
    serverKey: at('server.key'),
    clientCert: at('client.crt'),
    clientKey: at('client.key'),
  };
}

const FILES = ['ca', 'server', 'client'].flatMap((name) => [`${name}.crt`, `${name}.key`]);

interface Signed {
  readonly cert: X509Certificate;
  readonly keys: CryptoKeyPair;
}

async function makeAuthority(): Promise<Signed> {
  const keys = await makeKeys();
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: `CN=Reeve ${randomBytes(4).toString('hex')}`,
    keys,
    signingAlgorithm: CURVE,
    ...lifetime(),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert, keys };
}

async function sign(ca: Signed, name: string, usage: ExtendedKeyUsage, names: readonly string[]): Promise<Signed> {
  const keys = await makeKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage]),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(ca.keys.publicKey),
  ];
  if (names.length > 0)
    extensions.push(
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
    );
  const cert = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: ca.cert.subject,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    signingAlgorithm: CURVE,
    ...lifetime(),
    extensions,
  });
  return { cert, keys };
}

/** From a day ago, for machines whose clocks differ. */
function lifetime(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + VALID_DAYS * DAY_MS) };
}

function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
}

async function keyPem({ privateKey }: CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey));
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}

/** Fails where somebody was faster. */
async function write(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text, { mode, flag: 'wx' });
}
