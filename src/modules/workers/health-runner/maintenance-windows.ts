import { type HealthCheck } from '../../health-checks/health-check.js';
import { concerns, isOn, type MaintenanceWindow } from '../../health-checks/maintenance.js';
import { type MaintenanceRepository } from '../../health-checks/maintenance.repository.js';

const TTL = 2_000;

/** The windows of all tenants, read every two seconds. */
export class MaintenanceWindows {
  private readAt = -Infinity;
  private all: readonly MaintenanceWindow[] = [];

  constructor(private readonly maintenance: Pick<MaintenanceRepository, 'currentAcrossTenants'>) {}

  /** Reads them, unless that was done lately. */
  async refresh(): Promise<void> {
    const now = performance.now();
    if (now - this.readAt < TTL) return;
    this.all = await this.maintenance.currentAcrossTenants();
    this.readAt = now;
  }

  /** @param at milliseconds since the epoch */
  cover(check: HealthCheck, at: number): boolean {
    return this.all.some((window) => concerns(window, check) && isOn(window, at));
  }
}
