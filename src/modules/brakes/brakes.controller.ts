import { Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, toWirePage, type Wire, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseId } from '../ids/typed-id.js';
import { type Brake, type BrakedInstance } from './brake.js';
import { GarbageCollectorBrakes } from './brakes.service.js';

interface PageQuery {
  limit: number;
  after: string | undefined;
}

const page = () => new QueryPipe({ limit: limit(), after: text() });

/** What the garbage collector holds back, and the word on it: decided is on the set that was shown. */
@ControlPlaneController('gc/brakes')
@DashboardTab({
  id: 'brakes',
  title: 'Brakes',
  columns: [
    { key: 'tenant_id', title: 'tenant' },
    { key: 'state', title: 'state', kind: 'state' },
    { key: 'orphans', title: 'orphans', kind: 'number' },
    { key: 'examined', title: 'of', kind: 'number' },
    { key: 'engaged_at', title: 'engaged', kind: 'instant' },
    { key: 'decided_by', title: 'decided by' },
  ],
})
export class BrakesController {
  constructor(private readonly brakes: GarbageCollectorBrakes) {}

  @Get()
  async list(@Query(page()) query: PageQuery): Promise<WirePage<Brake>> {
    return toWirePage(await this.brakes.list(query));
  }

  @Get(':tenant')
  async instances(
    @Param('tenant') tenant: string,
    @Query(page()) query: PageQuery,
  ): Promise<WirePage<BrakedInstance>> {
    return toWirePage(await this.brakes.instances(parseId('tenant', tenant), query));
  }

  @Post(':tenant/confirm')
  @HttpCode(200)
  async confirm(
    @Param('tenant') tenant: string,
    @Query(decision()) { set }: { set: string },
  ): Promise<Wire<Brake>> {
    return toWire(await this.brakes.confirm(parseId('tenant', tenant), set));
  }

  @Post(':tenant/refuse')
  @HttpCode(200)
  async refuse(
    @Param('tenant') tenant: string,
    @Query(decision()) { set }: { set: string },
  ): Promise<Wire<Brake>> {
    return toWire(await this.brakes.refuse(parseId('tenant', tenant), set));
  }
}

function decision(): QueryPipe<{ set: (given: string | undefined) => string }> {
  return new QueryPipe({
    set: (given) => {
      if (given !== undefined && /^[0-9a-f]{32}$/.test(given)) return given;
      throw new Error('give the set that GET /gc/brakes shows');
    },
  });
}
