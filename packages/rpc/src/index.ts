export { callerOf, isRole } from './caller.ts';
export type { AuthenticateCall, Caller, Connection } from './caller.ts';
export { openChannel, openLocalChannel } from './channel.ts';
export type { Channel, ChannelOptions } from './channel.ts';
export { tlsSettings } from './config.ts';
export { fromConnectError } from './failure.ts';
export { MESSAGE_LIMIT, startRpcServer } from './server.ts';
export type { RpcServer, RpcServerOptions, RpcService } from './server.ts';
export type { Tls } from './tls.ts';
