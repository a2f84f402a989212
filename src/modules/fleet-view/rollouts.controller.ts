import { Get, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseOptionalId } from '../ids/typed-id.js';
import { type DeploymentState } from '../workloads/deployment.js';
import { type RolloutOverview, Rollouts } from './rollouts.js';

const STATES = ['rolling', 'succeeded', 'failed', 'superseded'] as const satisfies DeploymentState[];

interface DeploymentsQuery {
  tenant_id?: string;
  workload_id?: string;
  state?: DeploymentState;
  limit: number;
  before?: string;
}

/** The deployments of all tenants, or of the one that the reader's claims are for; newest first. */
@ControlPlaneController('deployments')
@DashboardTab({
  id: 'rollouts',
  title: 'Rollouts and drift',
  description: 'Changes of what workloads run, newest first, and the instances that differ from their spec.',
  empty: 'No workload was changed yet.',
  pageBy: 'before',
  filters: [{ name: 'state', title: 'State', values: STATES }],
  columns: [
    { key: 'workload', title: 'workload' },
    { key: 'tenant', title: 'tenant' },
    { key: 'datacenter', title: 'datacenter' },
    { key: 'state', title: 'state', kind: 'state' },
    { key: 'step', title: 'step' },
    { key: 'ready', title: 'ready' },
    { key: 'new_instances', title: 'new', kind: 'number' },
    { key: 'old_instances', title: 'old', kind: 'number' },
    { key: 'changes', title: 'changes' },
    { key: 'created_at', title: 'began', kind: 'instant' },
    { key: 'ended_at', title: 'ended', kind: 'instant' },
    { key: 'reason', title: 'why it failed' },
  ],
  parts: [
    {
      kind: 'list',
      title: 'Drifted instances',
      path: 'drift',
      empty: 'Every instance is as its spec says.',
      columns: [
        { key: 'name', title: 'instance', link: { tab: 'fleet', key: 'id' } },
        { key: 'tenant', title: 'tenant' },
        { key: 'workload', title: 'workload' },
        { key: 'state', title: 'state', kind: 'state' },
        { key: 'desired_state', title: 'is to be' },
        { key: 'reason', title: 'reason', kind: 'state' },
        { key: 'state_since', title: 'since', kind: 'instant' },
        { key: 'attempts', title: 'attempts', kind: 'number' },
        { key: 'next_attempt_at', title: 'next attempt', kind: 'instant' },
        { key: 'outdated', title: 'outdated' },
        { key: 'last_error', title: 'last error' },
      ],
    },
  ],
})
export class RolloutsController {
  constructor(private readonly rollouts: Rollouts) {}

  @Get()
  async list(
    @Query(
      new QueryPipe({
        tenant_id: text(),
        workload_id: text(),
        state: oneOf(...STATES),
        limit: limit(),
        before: text(),
      }),
    )
    { tenant_id, workload_id, ...query }: DeploymentsQuery,
  ): Promise<WirePage<RolloutOverview>> {
    return toWirePage(
      await this.rollouts.list({
        ...query,
        tenantId: parseOptionalId('tenant', tenant_id),
        workloadId: parseOptionalId('workload', workload_id),
      }),
    );
  }
}
