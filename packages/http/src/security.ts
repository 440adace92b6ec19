/**
 * What every answer says to browsers: show nothing that it is not, be in nobody's frame, tell nobody where one came from.
 * Pages say more precisely what they may load. Answers are nobody's to keep unless they say so.
 */
export const SECURITY: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

const STRICT_TRANSPORT = { 'strict-transport-security': 'max-age=31536000' };
const SECURITY_OVER_TLS = { ...SECURITY, ...STRICT_TRANSPORT };

/** The same, and over TLS also that nothing else is to be used from now on. */
export function securityOf(socket: object | undefined): Readonly<Record<string, string>> {
  return socket !== undefined && 'encrypted' in socket && socket.encrypted === true ? SECURITY_OVER_TLS : SECURITY;
}
