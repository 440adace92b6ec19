import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfig, ReeveError } from '@reeve/kit';
import { makeCertificates, type CertificateFiles } from './certificates.ts';
import { tlsSettings } from './config.ts';
import { readTls } from './tls.ts';

let root: string;
let files: CertificateFiles;
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'reeve-tls-'));
  files = await makeCertificates(join(root, 'made'), ['sandbox.internal', '10.0.0.7']);
});
after(() => rm(root, { recursive: true, force: true }));

const read = (environment: Readonly<Record<string, string>>) => readTls(loadConfig(tlsSettings, environment).config);
const all = () => ({
  TLS_SERVER_CERT_PATH: files.serverCert,
  TLS_SERVER_KEY_PATH: files.serverKey,
  TLS_CA_CERT_PATH: files.ca,
  TLS_CLIENT_CERT_PATH: files.clientCert,
  TLS_CLIENT_KEY_PATH: files.clientKey,
});
const faultsOf = (environment: Readonly<Record<string, string>>) => {
  try {
    read(environment);
  } catch (error) {
    return ReeveError.from(error).details.map(({ message }) => message);
  }
  return [];
};

describe('the files of mutual TLS', () => {
  it('are all there or none', () => {
    assert.equal(read({}), undefined);
    assert.ok(read(all()) !== undefined);
    const { TLS_CA_CERT_PATH: _, TLS_CLIENT_KEY_PATH: __, ...some } = all();
    assert.deepEqual(
      faultsOf(some).map((message) => message.split(' ', 1)[0]),
      ['TLS_CA_CERT_PATH', 'TLS_CLIENT_KEY_PATH'],
    );
  });

  it('hold certificates and the keys that belong to them', async () => {
    const nothing = join(root, 'nothing.pem');
    await writeFile(nothing, 'nothing');
    assert.deepEqual(faultsOf({ ...all(), TLS_CA_CERT_PATH: nothing, TLS_CLIENT_CERT_PATH: join(root, 'absent') }), [
      `TLS_CA_CERT_PATH is "${nothing}", but that file holds no certificate (PEM)`,
      `TLS_CLIENT_CERT_PATH is "${join(root, 'absent')}", but that file cannot be read`,
    ]);
    assert.match(faultsOf({ ...all(), TLS_SERVER_KEY_PATH: files.clientKey }).join(), /not the key of the certificate/);
    assert.match(faultsOf({ ...all(), TLS_SERVER_KEY_PATH: nothing }).join(), /holds no key/);
  });
});

describe('certificates for development', () => {
  it('are signed by their own authority, for the names they were made for', () => {
    const { ca, server, client } = read(all())!;
    const authority = new X509Certificate(ca);
    assert.ok(authority.ca);
    for (const { cert } of [server, client]) assert.ok(new X509Certificate(cert).verify(authority.publicKey));
    const shown = new X509Certificate(server.cert);
    assert.equal(shown.checkHost('sandbox.internal'), 'sandbox.internal');
    assert.equal(shown.checkIP('10.0.0.7'), '10.0.0.7');
    assert.equal(shown.checkHost('other.internal'), undefined);
  });

  it('have keys that only their owner can read, and are never overwritten', async () => {
    const names = await readdir(join(root, 'made'));
    assert.deepEqual(names.sort(), ['ca.crt', 'ca.key', 'client.crt', 'client.key', 'server.crt', 'server.key']);
    for (const name of names.filter((file) => file.endsWith('.key')))
      assert.equal((await stat(join(root, 'made', name))).mode & 0o777, 0o600, name);
    await assert.rejects(makeCertificates(join(root, 'made'), []), {
      reason: 'conflict',
      message: /already holds ca\.crt/,
    });
  });
});
