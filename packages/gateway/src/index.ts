export { gatewaySettings } from './config.ts';
export { checkTask, createGateway } from './gateway.ts';
export type { GatewayParts } from './gateway.ts';
export { createToolCalls } from './tool-routes.ts';
