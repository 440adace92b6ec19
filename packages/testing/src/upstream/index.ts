export { startSlotServer } from './slot-server.ts';
export type { SlotServer } from './slot-server.ts';
export { startFakeUpstream } from './upstream.ts';
export type { FakeUpstream } from './upstream.ts';
export type { UpstreamReply } from './reply.ts';
