export { recordAudit } from './record.ts';
export type { AuditAction, AuditEntry } from './record.ts';
export { recordJournal } from './journal.ts';
export type { NewJournalEntry } from './journal.ts';
export { mountJournal } from './journal-routes.ts';
export type { NameAgent } from './journal-routes.ts';
export { selectJournalAfter, selectJournalEnd, selectJournalOfTask } from './journal-store.ts';
export type { JournalPlace, PlacedEntry } from './journal-store.ts';
