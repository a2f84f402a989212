import { Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, toWirePage, type Wire, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseId, type TenantId } from '../ids/typed-id.js';
import { type Brake, type BrakedInstance } from './brake.js';
import { GarbageCollectorBrakes } from './brakes.service.js';
import { decision } from './decision.pipe.js';

interface PageQuery {
  limit: number;
  after: string | undefined;
}

const page = () => new QueryPipe({ limit: limit(), after: text() });

/** A tenant has at most one brake, so its id is the brake's. */
type ShownBrake = Wire<Brake> & { id: TenantId };

const PATH = 'gc/brakes';
const DECIDE = `${PATH}/:tenant_id`;
const DECIDE_PASS = 'gc/pass-brakes/:id';

/** The instances that the garbage collector holds back. A decision names the set that was shown. */
@ControlPlaneController(PATH)
@DashboardTab({
  id: 'brakes',
  title: 'Brakes',
  description:
    'Tenants in which nothing is deleted, as too much looks orphaned. A brake ends when somebody confirms its set, when the set ' +
    'has stayed the same for brake.confirmAfter (15 minutes, if nothing else is set), or when nothing is orphaned any more.',
  empty: 'No brake on instances is engaged: the garbage collector deletes what is orphaned.',
  columns: [
    { key: 'tenant_id', title: 'tenant' },
    { key: 'state', title: 'state', kind: 'state' },
    { key: 'cause', title: 'why', kind: 'state' },
    { key: 'orphans', title: 'orphans', kind: 'number' },
    { key: 'examined', title: 'of', kind: 'number' },
    { key: 'engaged_at', title: 'engaged', kind: 'instant' },
    { key: 'seen_since', title: 'set unchanged since', kind: 'instant' },
    { key: 'decided_by', title: 'decided by' },
  ],
  actions: [
    {
      title: 'Confirm',
      path: `${DECIDE}/confirm?set=:set`,
      question:
        'Delete exactly these :orphans instances of :tenant_id? What is deleted cannot be brought back.',
      when: { key: 'state', values: ['engaged', 'refused'] },
    },
    {
      title: 'Refuse',
      path: `${DECIDE}/refuse?set=:set`,
      question: 'Keep all orphans of :tenant_id until somebody confirms them?',
      when: { key: 'state', values: ['engaged', 'confirmed'] },
    },
  ],
  item: [
    {
      kind: 'list',
      title: 'Instances held back',
      path: 'gc/brakes/:id',
      columns: [
        { key: 'instance_id', title: 'instance' },
        { key: 'workload_id', title: 'workload that is gone' },
      ],
    },
  ],
  parts: [
    {
      kind: 'list',
      title: 'Held back beside instances',
      path: 'gc/pass-brakes',
      empty: 'No pass holds anything back: the garbage collector removes what nothing needs any more.',
      columns: [
        { key: 'pass', title: 'pass' },
        { key: 'tenant_id', title: 'tenant' },
        { key: 'store', title: 'store' },
        { key: 'state', title: 'state', kind: 'state' },
        { key: 'cause', title: 'why', kind: 'state' },
        { key: 'items', title: 'items', kind: 'number' },
        { key: 'examples', title: 'such as' },
        { key: 'engaged_at', title: 'engaged', kind: 'instant' },
        { key: 'seen_since', title: 'set unchanged since', kind: 'instant' },
        { key: 'decided_by', title: 'decided by' },
      ],
      actions: [
        {
          title: 'Confirm',
          path: `${DECIDE_PASS}/confirm?set=:set`,
          question:
            'Let the pass :pass remove exactly these :items things? What is removed cannot be brought back.',
          when: { key: 'state', values: ['engaged', 'refused'] },
        },
        {
          title: 'Refuse',
          path: `${DECIDE_PASS}/refuse?set=:set`,
          question: 'Keep all that the pass :pass holds back here until somebody confirms it?',
          when: { key: 'state', values: ['engaged', 'confirmed'] },
        },
      ],
    },
  ],
})
export class BrakesController {
  constructor(private readonly brakes: GarbageCollectorBrakes) {}

  @Get()
  async list(@Query(page()) query: PageQuery): Promise<{ items: ShownBrake[]; next?: string }> {
    const { items, ...rest } = await this.brakes.list(query);
    return { items: items.map(shown), ...rest };
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
    @Query(decision(PATH)) { set }: { set: string },
  ): Promise<ShownBrake> {
    return shown(await this.brakes.confirm(parseId('tenant', tenant), set));
  }

  @Post(':tenant/refuse')
  @HttpCode(200)
  async refuse(
    @Param('tenant') tenant: string,
    @Query(decision(PATH)) { set }: { set: string },
  ): Promise<ShownBrake> {
    return shown(await this.brakes.refuse(parseId('tenant', tenant), set));
  }
}

function shown(brake: Brake): ShownBrake {
  return { id: brake.tenantId, ...toWire(brake) };
}
