/** Roles, weakest first. Each includes the ones before it. */
export const ROLES = ['viewer', 'member', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];
