import { Get, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseOptionalId } from '../ids/typed-id.js';
import { type CheckOverview, ChecksOverview } from './checks-overview.js';

/** The health checks of all tenants, or of the one that the reader's claims are for. */
@ControlPlaneController('health-checks')
@DashboardTab({
  id: 'health',
  title: 'Health',
  description:
    'Checks and how they went: those that are not well first. Each bar is 16 minutes of the last 24 hours.',
  empty: 'Nothing is checked yet.',
  // The bars of a check take a day of its minutes.
  path: 'health-checks?limit=25',
  refresh: 5_000,
  columns: [
    { key: 'name', title: 'check', link: { tab: 'fleet', key: 'instance_id' } },
    { key: 'status', title: 'status', kind: 'state' },
    { key: 'since', title: 'since', kind: 'instant' },
    { key: 'uptime_parts', title: 'last 24 hours', kind: 'uptime' },
    { key: 'uptime', title: 'uptime', kind: 'percent' },
    { key: 'p50', title: 'p50', kind: 'duration' },
    { key: 'p95', title: 'p95', kind: 'duration' },
    { key: 'instance', title: 'instance' },
    { key: 'workload', title: 'workload' },
    { key: 'tenant', title: 'tenant' },
    { key: 'probe', title: 'by' },
  ],
})
export class ChecksOverviewController {
  constructor(private readonly checks: ChecksOverview) {}

  @Get()
  async list(
    @Query(new QueryPipe({ tenant_id: text(), limit: limit(), after: text() }))
    { tenant_id, ...query }: { tenant_id?: string; limit: number; after?: string },
  ): Promise<WirePage<CheckOverview>> {
    const tenantId = parseOptionalId('tenant', tenant_id);
    return toWirePage(await this.checks.list({ ...query, tenantId }));
  }
}
