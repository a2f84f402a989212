import { Get, Query } from '@nestjs/common';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { parseOptionalId } from '../ids/typed-id.js';
import { type FleetInstance, FleetView } from './fleet-view.js';

/** The instances that differ from their spec, or for which a change waits. */
@ControlPlaneController('drift')
export class DriftController {
  constructor(private readonly fleet: FleetView) {}

  @Get()
  async list(
    @Query(new QueryPipe({ tenant_id: text(), limit: limit(), after: text() }))
    { tenant_id, ...query }: { tenant_id?: string; limit: number; after?: string },
  ): Promise<WirePage<FleetInstance>> {
    const tenantId = parseOptionalId('tenant', tenant_id);
    return toWirePage(await this.fleet.drifted({ ...query, tenantId }));
  }
}
