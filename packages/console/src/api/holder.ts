/** Who holds a credential, as far as it says so by itself: the subject of a JWT, the public part of a key of Reeve's. */
export function holderNameOf(credential: string): string {
  const [, payload, signature, ...more] = credential.split('.');
  if (payload !== undefined && signature !== undefined && more.length === 0) {
    const subject = subjectOf(payload);
    if (subject !== undefined) return subject;
  }
  return /^rv_[0-9A-Za-z]{12}(?=_)/.exec(credential)?.[0] ?? 'an API key';
}

function subjectOf(payload: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (byte) =>
      byte.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return claims !== null && typeof claims === 'object' && 'sub' in claims && typeof claims.sub === 'string'
      ? claims.sub
      : undefined;
  } catch {
    return undefined;
  }
}
