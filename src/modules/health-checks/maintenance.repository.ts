import { type Page, type PageQuery } from '../database/page.js';
import { type MaintenanceWindowId, type TenantId } from '../ids/typed-id.js';
import { type MaintenanceWindow } from './maintenance.js';

/** Maintenance windows. Every method refuses a malformed id with `InvalidIdError`. */
export abstract class MaintenanceRepository {
  abstract insert(
    tenantId: TenantId,
    window: Omit<MaintenanceWindow, 'tenantId' | 'createdAt'>,
  ): Promise<MaintenanceWindow>;

  /** The tenant's, oldest first, those that are over among them. */
  abstract list(tenantId: TenantId, query?: PageQuery): Promise<Page<MaintenanceWindow>>;

  /** @returns whether this call removed it */
  abstract delete(tenantId: TenantId, id: MaintenanceWindowId): Promise<boolean>;

  /** All that are on or may be again. */
  abstract currentAcrossTenants(): Promise<MaintenanceWindow[]>;
}
