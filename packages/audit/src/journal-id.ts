/** A UUID of version 8 for a journal entry, made of its place: 60 bits of its transaction, then 62 of its position. */
export function journalIdOf({ xid, position }: { xid: string; position: number }): string {
  const transaction = BigInt(xid).toString(16).padStart(15, '0');
  const place = ((0b10n << 62n) | BigInt(position)).toString(16);
  return [
    transaction.slice(0, 8),
    transaction.slice(8, 12),
    `8${transaction.slice(12)}`,
    place.slice(0, 4),
    place.slice(4),
  ].join('-');
}
