export { createClient } from './client.ts';
export type { CallOptions, Client, ClientOptions, FollowTasks } from './client.ts';
export { ClientError } from './error.ts';
