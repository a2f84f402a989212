import { Get, NotFoundException, Param, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, toWirePage, type Wire, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseId, parseOptionalId } from '../ids/typed-id.js';
import { INSTANCE_STATES, type InstanceState } from '../instances/instance.js';
import { type FleetInstance, FleetView } from './fleet-view.js';

interface InstancesQuery {
  tenant_id?: string;
  workload_id?: string;
  state?: InstanceState;
  limit: number;
  after?: string;
}

/** The instances of all tenants, or of the one that the reader's claims are for. */
@ControlPlaneController('instances')
@DashboardTab({
  id: 'fleet',
  title: 'Fleet',
  description: 'Instances by datacenter and workload, with where each answers.',
  empty: 'No instance yet: none is wanted, or the reconciler has not made them.',
  groupBy: ['datacenter', 'workload'],
  itemPath: 'instances/:id',
  filters: [{ name: 'state', title: 'State', values: INSTANCE_STATES }],
  columns: [
    { key: 'name', title: 'instance' },
    { key: 'tenant', title: 'tenant' },
    { key: 'datacenter', title: 'datacenter' },
    { key: 'workload', title: 'workload' },
    { key: 'state', title: 'state', kind: 'state' },
    { key: 'state_since', title: 'since', kind: 'instant' },
    { key: 'health', title: 'health', kind: 'state' },
    { key: 'reason', title: 'reason', kind: 'state' },
    { key: 'outdated', title: 'outdated' },
    { key: 'addresses', title: 'addresses' },
    { key: 'provider', title: 'provider' },
    { key: 'last_error', title: 'last error' },
  ],
  item: [
    { kind: 'chart', title: 'CPU', path: 'instances/:id/metrics?name=cpu_percent', unit: 'percent' },
    {
      kind: 'chart',
      title: 'Memory',
      path: 'instances/:id/metrics?name=memory_working_set_bytes',
      unit: 'bytes',
    },
    {
      kind: 'list',
      title: 'Health checks',
      path: 'instances/:id/health',
      field: 'checks',
      columns: [
        { key: 'check.name', title: 'check' },
        { key: 'check.probe.type', title: 'by' },
        { key: 'status', title: 'status', kind: 'state' },
        { key: 'since', title: 'since', kind: 'instant' },
        { key: 'last.message', title: 'what it said' },
      ],
    },
    {
      kind: 'list',
      title: 'Results',
      path: 'instances/:id/history?limit=50',
      columns: [
        { key: 'started_at', title: 'when', kind: 'instant' },
        { key: 'outcome', title: 'outcome', kind: 'state' },
        { key: 'duration', title: 'ms', kind: 'number' },
        { key: 'message', title: 'what it said' },
      ],
    },
  ],
})
export class FleetViewController {
  constructor(private readonly fleet: FleetView) {}

  @Get()
  async list(
    @Query(
      new QueryPipe({
        tenant_id: text(),
        workload_id: text(),
        state: oneOf(...INSTANCE_STATES),
        limit: limit(),
        after: text(),
      }),
    )
    { tenant_id, workload_id, ...query }: InstancesQuery,
  ): Promise<WirePage<FleetInstance>> {
    return toWirePage(
      await this.fleet.list({
        ...query,
        tenantId: parseOptionalId('tenant', tenant_id),
        workloadId: parseOptionalId('workload', workload_id),
      }),
    );
  }

  @Get(':id')
  async one(@Param('id') id: string): Promise<Wire<FleetInstance>> {
    const instance = await this.fleet.find(parseId('instance', id));
    if (!instance) throw new NotFoundException(`There is no instance ${id}`);
    return toWire(instance);
  }
}
