export { openExternalQuery } from './query.ts';
export type { ExternalState } from './query.ts';
export { createExternalMemory } from './client.ts';
export type { ExternalMemory } from './client.ts';
export { startExternalSender } from './sender.ts';
export type { SenderState } from './sender.ts';
export { disableStores } from './stores.ts';
