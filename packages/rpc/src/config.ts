import { setting } from '@reeve/kit';
import { z } from 'zod';

/** A port that a service listens on: 0 takes a free one, `off` serves none. */
export const ServicePort = z.union([z.literal('off'), z.coerce.number().int().min(0).max(65_535)], {
  message: 'it must be 0 to 65535, or off',
});

const path = (what: string) => z.string().min(1).optional().describe(what);

/** Mutual TLS between roles: all of these, or none. */
export const tlsSettings = {
  tlsServerCertPath: setting('TLS_SERVER_CERT_PATH', path('Server certificate of this process (PEM).')),
  tlsServerKeyPath: setting('TLS_SERVER_KEY_PATH', path('Key of the server certificate (PEM).')),
  tlsCaCertPath: setting('TLS_CA_CERT_PATH', path('Certificate of the authority that signs those of all roles (PEM).')),
  tlsClientCertPath: setting('TLS_CLIENT_CERT_PATH', path('Client certificate of this process (PEM).')),
  tlsClientKeyPath: setting('TLS_CLIENT_KEY_PATH', path('Key of the client certificate (PEM).')),
};
