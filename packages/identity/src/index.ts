export { createCallAuthenticator } from './authenticate-call.ts';
export type { CallAuthenticatorParts } from './authenticate-call.ts';
export { isOpen, openAuthenticator, requireSafeBinding } from './authenticate.ts';
export type { Authenticator } from './authenticate.ts';
export { identitySettings } from './config.ts';
export { mountKeys } from './keys/routes.ts';
export { DEFAULT_TENANT, ensureTenant } from './tenant.ts';
