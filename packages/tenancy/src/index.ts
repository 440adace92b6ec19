export { createAuthenticator, isOpen, requireSafeBinding } from './authenticate.ts';
export { tenancySettings } from './config.ts';
export { DEFAULT_TENANT, ensureTenant } from './tenant.ts';
export { costNano, usdOf } from './metering.ts';
export type { CallAttempt, CallEnd, CallLedger, CallOwner, CallUsage, OpenCall, Price } from './metering.ts';
