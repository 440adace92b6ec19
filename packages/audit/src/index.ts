export { recordAudit } from './record.ts';
export type { AuditAction, AuditEntry } from './record.ts';
