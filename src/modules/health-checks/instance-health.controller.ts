import {
  type MessageEvent,
  Body,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Sse,
  UseGuards,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { instant, limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, type Wire, type WirePage, toWirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type HealthCheckId, type InstanceId, type TenantId } from '../ids/typed-id.js';
import { UnknownHealthCheckError } from './health-check.errors.js';
import { type HealthCheck, type HealthResult } from './health-check.js';
import { type HealthCheckRequest } from './health-check-input.js';
import { type PushRequest } from './maintenance-input.js';
import { type CheckReport } from './health-report.js';
import { HealthService, type InstanceHealth } from './health.service.js';
import { type CheckedInstance } from './instance-access.js';
import { InstanceGuard } from './instance.guard.js';
import { InstancePipe } from './instance.pipe.js';
import { startTicking } from '../../core/timing/timer.js';

/** So that proxies do not take a stream in which nothing happens for dead. */
const PING_EVERY = 15_000;

/** The health of an instance, its checks, what they found, and what becomes of them. */
@ControlPlaneController('instances/:id')
export class InstanceHealthController {
  constructor(private readonly health: HealthService) {}

  @Get('health')
  async get(@Param('id', InstancePipe) { id, tenantId }: CheckedInstance): Promise<Wire<InstanceHealth>> {
    return toWire(await this.health.getHealth(tenantId, id));
  }

  /** `health.failed`, `health.degraded`, `health.recovered`, `health.flapping` from now on, as server-sent events. */
  @Sse('health/stream')
  @UseGuards(InstanceGuard)
  async stream(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
  ): Promise<Observable<MessageEvent>> {
    const end = new AbortController();
    const events = this.health.watch(tenantId, { instanceId: id, signal: end.signal });
    return new Observable((subscriber) => {
      const ping = startTicking(() => subscriber.next({ type: 'ping', data: '' }), PING_EVERY);
      void (async () => {
        try {
          for await (const { type, payload, createdAt } of events)
            subscriber.next({ type, data: { ...payload, created_at: createdAt } });
        } catch (error) {
          subscriber.error(error);
        }
      })();
      return () => {
        ping.cancel();
        end.abort();
      };
    });
  }

  @Get('checks')
  async list(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Query(new QueryPipe({ limit: limit(100), after: text() })) query: { limit: number; after?: string },
  ): Promise<WirePage<HealthCheck>> {
    return toWirePage(await this.health.listChecks(tenantId, { ...query, instanceId: id }));
  }

  @Post('checks')
  async configure(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Body() request: HealthCheckRequest,
  ): Promise<Wire<HealthCheck>> {
    return toWire(await this.health.configure(tenantId, { ...request, instanceId: id }));
  }

  @Delete('checks/:check')
  @HttpCode(204)
  async remove(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Param('check') check: HealthCheckId,
  ): Promise<void> {
    const found = await this.health.findCheck(tenantId, check);
    // One of another instance is none here.
    if (found?.instanceId === id) await this.health.remove(tenantId, check);
  }

  /** The call of a target that a push check waits for: `{ outcome, message }`, both optional. */
  @Post('checks/:check/push')
  @HttpCode(204)
  async push(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Param('check') check: HealthCheckId,
    @Body() request?: PushRequest,
  ): Promise<void> {
    await this.requireCheckOf(tenantId, id, check);
    await this.health.push(tenantId, check, request ?? {});
  }

  @Get('checks/:check/report')
  async report(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Param('check') check: HealthCheckId,
  ): Promise<CheckReport> {
    await this.requireCheckOf(tenantId, id, check);
    return this.health.getReport(tenantId, check);
  }

  /** Results of all checks of the instance, or of one, the newest first. */
  @Get('history')
  async history(
    @Param('id', InstancePipe) { id, tenantId }: CheckedInstance,
    @Query(new QueryPipe({ limit: limit(100), before: instant(), check: text() }))
    query: { limit: number; before?: Date; check?: string },
  ): Promise<Wire<HealthResult>[]> {
    return (await this.health.getInstanceHistory(tenantId, id, query)).map(toWire);
  }

  /** @throws UnknownHealthCheckError for one of another instance */
  private async requireCheckOf(tenantId: TenantId, id: InstanceId, check: HealthCheckId): Promise<void> {
    const { instanceId } = await this.health.getCheck(tenantId, check);
    if (instanceId !== id) throw new UnknownHealthCheckError(check);
  }
}
