import { Get, NotFoundException, Param, Query } from '@nestjs/common';
import { instant, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { parseDuration } from '../../core/timing/duration.js';
import { requireClaims } from '../auth/claims.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type InstanceId, parseId, type TenantId } from '../ids/typed-id.js';
import { InstanceRepository } from '../instances/instance.repository.js';
import { RESOURCE_METRIC_NAMES, RESOURCE_METRICS, type ResourceSnapshot } from './resource-metrics.js';
import { type MetricResult, TelemetryService } from './telemetry.service.js';
import { type Aggregation, AGGREGATIONS } from './window-statistics.js';

const step = (given: string | undefined): number | undefined =>
  given === undefined ? undefined : parseDuration(/^\d+$/.test(given) ? `${Number(given)}s` : given);

const QUERY = new QueryPipe({
  name: text(),
  since: instant(),
  until: instant(),
  step,
  aggregation: oneOf(...AGGREGATIONS),
});

interface MetricsQuery {
  name?: string;
  since?: Date;
  until?: Date;
  step?: number;
  aggregation?: Aggregation;
}

/** What instances use and have used. */
@ControlPlaneController('instances')
export class InstanceMetricsController {
  constructor(
    private readonly telemetry: TelemetryService,
    private readonly instances: InstanceRepository,
  ) {}

  /** Windows of the metric `name`; without one, what the instance uses now. A bare number is a step in seconds. */
  @Get(':id/metrics')
  async metrics(@Param('id') id: string, @Query(QUERY) query: MetricsQuery): Promise<object> {
    const instanceId = parseId('instance', id);
    const tenantId = await this.ownerOf(instanceId);
    const { name, ...rest } = query;
    if (name === undefined) return currentOnWire(await this.telemetry.currentResources(tenantId, instanceId));
    return onWire(await this.telemetry.queryMetrics(tenantId, { ...rest, name, instanceId }));
  }

  /** An instance of another tenant is as unknown as one that never was. */
  private async ownerOf(id: InstanceId): Promise<TenantId> {
    const { tenantId } = requireClaims();
    const [found] = await this.instances.findAllAcrossTenants([id]);
    if (!found || (tenantId !== undefined && found.tenantId !== tenantId))
      throw new NotFoundException(`There is no instance ${id}`);
    return found.tenantId;
  }
}

function onWire({ name, step, series }: MetricResult): object {
  return {
    name,
    step_seconds: step / 1_000,
    series: series.map(({ labels, instanceId, kind, aggregation, points }) => ({
      labels,
      instance_id: instanceId,
      kind,
      aggregation,
      points: points.map(({ at, value }) => [at.toISOString(), value]),
    })),
  };
}

function currentOnWire(snapshot: ResourceSnapshot | undefined): object {
  if (!snapshot) return { read_at: null, started_at: null, resources: {} };
  return {
    read_at: snapshot.at.toISOString(),
    started_at: snapshot.startedAt?.toISOString() ?? null,
    resources: Object.fromEntries(
      RESOURCE_METRIC_NAMES.map((metric) => [RESOURCE_METRICS[metric].column, snapshot[metric]]),
    ),
  };
}
