export { createTestDatabase, openTestDatabase, passTime, testDatabaseKind } from './database.ts';
export type { TestDatabase } from './database.ts';
