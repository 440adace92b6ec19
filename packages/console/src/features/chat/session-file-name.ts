/** A name that any file system takes: "session-when-does-the-gong-ring-9f3c01ab.json". */
export function sessionFileName(title: string, id: string): string {
  const words = title
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
    ?.join('-')
    .slice(0, 60)
    .replace(/-$/, '')
    .toWellFormed();
  return `${['session', words, id.slice(-8)].filter(Boolean).join('-')}.json`;
}
