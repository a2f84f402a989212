import { Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiController } from '../../http/api-controller.js';
import { Documented } from '../../http/openapi.js';
import { pageOf, position, type Position } from '../../http/position.js';
import { limit, oneOf, QueryPipe, text } from '../../http/query.pipe.js';
import { toWire, type Wire } from '../../http/wire.js';
import { type Delivery, type DeliveryState, type Incident } from '../../history/incident.js';
import { Incidents } from '../incidents.js';
import { UnknownIncidentError } from '../incidents.errors.js';
import { deliverySchema, pageQuery, pageSchema } from './openapi-schemas.js';
import { isUuid } from '../../text/uuid.js';

interface Filters {
  limit: number;
  before: Position | undefined;
  endpoint: string | undefined;
  state: DeliveryState | undefined;
}

type ShownDelivery = Omit<Wire<Delivery>, 'incident'> & { incident: Wire<Incident> };

/** Deliveries to webhooks, sent or pending. */
@ApiController('incidents/deliveries')
export class DeliveriesController {
  constructor(private readonly incidents: Incidents) {}

  @Get()
  @Documented({
    summary: 'Deliveries to webhooks',
    query: {
      ...pageQuery,
      endpoint: { type: 'string' },
      state: { type: 'string', enum: ['pending', 'delivered', 'failed'] },
    },
    answer: { description: 'A page, newest first', schema: pageSchema(deliverySchema) },
  })
  async list(
    @Query(
      new QueryPipe({
        limit: limit(),
        before: position(),
        endpoint: text(),
        state: oneOf('pending', 'delivered', 'failed'),
      }),
    )
    { before, ...filters }: Filters,
  ): Promise<{ items: ShownDelivery[]; next?: string }> {
    const found = await this.incidents.deliveries({
      ...filters,
      before: before && { createdAt: before.at, id: before.id },
    });
    return pageOf(found, filters.limit, show, ({ createdAt, id }) => ({ at: createdAt, id }));
  }

  /** Sends a delivery in any state again, with the same id, by which the receiver recognizes it. */
  @Post(':id/resend')
  @HttpCode(202)
  @Documented({
    summary: 'Sends a delivery again',
    answer: { status: 202, description: 'It is due now', schema: deliverySchema },
  })
  async resend(@Param('id') id: string): Promise<ShownDelivery> {
    if (!isUuid(id)) throw new UnknownIncidentError('delivery', id);
    return show(await this.incidents.resend(id));
  }
}

function show(delivery: Delivery): ShownDelivery {
  return { ...toWire(delivery), incident: toWire(delivery.incident) };
}
