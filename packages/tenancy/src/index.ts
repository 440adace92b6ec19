export { createAuthenticator, isOpen, requireSafeBinding } from './authenticate.ts';
export { tenancySettings } from './config.ts';
export { DEFAULT_TENANT, ensureTenant } from './tenant.ts';
