import { type TenantId } from '../ids/typed-id.js';

/** The tenant of what is the application's own: its checks, its metrics; and of all that an application without tenants has. */
export const OWN_TENANT: TenantId = 'ten_00000000000000000000000000';
