export { startFakeUpstream } from './upstream.ts';
export type { FakeUpstream } from './upstream.ts';
export type { UpstreamReply } from './reply.ts';
