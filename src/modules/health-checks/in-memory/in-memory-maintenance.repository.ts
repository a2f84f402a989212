import { Injectable } from '@nestjs/common';
import { pageByKey, type Page, type PageQuery } from '../../database/page.js';
import { type MaintenanceWindowId, parseId, type TenantId } from '../../ids/typed-id.js';
import { isOver, type MaintenanceWindow } from '../maintenance.js';
import { MaintenanceRepository } from '../maintenance.repository.js';

/** In the memory of one process, and gone with it. */
@Injectable()
export class InMemoryMaintenanceRepository extends MaintenanceRepository {
  private readonly windows = new Map<MaintenanceWindowId, MaintenanceWindow>();

  async insert(
    tenantId: TenantId,
    window: Omit<MaintenanceWindow, 'tenantId' | 'createdAt'>,
  ): Promise<MaintenanceWindow> {
    parseId('tenant', tenantId);
    const stored = { ...window, tenantId, createdAt: new Date() };
    this.windows.set(parseId('maintenanceWindow', window.id), stored);
    return stored;
  }

  async list(tenantId: TenantId, query: PageQuery = {}): Promise<Page<MaintenanceWindow>> {
    parseId('tenant', tenantId);
    const found = [...this.windows.values()].filter((window) => window.tenantId === tenantId);
    return pageByKey(query, async ({ limit, after }) =>
      found
        .filter(
          ({ createdAt, id }) =>
            !after || createdAt > after.createdAt || (+createdAt === +after.createdAt && id > after.id),
        )
        .slice(0, limit),
    );
  }

  async delete(tenantId: TenantId, id: MaintenanceWindowId): Promise<boolean> {
    const found = this.windows.get(parseId('maintenanceWindow', id));
    return found?.tenantId === tenantId && this.windows.delete(id);
  }

  async currentAcrossTenants(): Promise<MaintenanceWindow[]> {
    return [...this.windows.values()].filter((window) => !isOver(window, Date.now()));
  }
}
