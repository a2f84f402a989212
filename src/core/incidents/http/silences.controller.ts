import { Body, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiController } from '../../http/api-controller.js';
import { RequestActor } from '../../http/actor.js';
import { Documented } from '../../http/openapi.js';
import { toWire, type Wire } from '../../http/wire.js';
import { type Silence } from '../../history/incident.js';
import { type ByActor } from '../../worker/actor.js';
import { Incidents } from '../incidents.js';
import { UnknownIncidentError } from '../incidents.errors.js';
import { newSilenceSchema, silenceSchema } from './openapi-schemas.js';
import { silenceOf } from './silence-body.js';
import { isUuid } from '../../text/uuid.js';

/** Silences: while one holds, incidents that match it are recorded and not told. */
@ApiController('incidents/silences')
export class SilencesController {
  constructor(private readonly incidents: Incidents) {}

  @Get()
  @Documented({
    summary: 'Silences that hold',
    answer: { description: 'The first to end first', schema: { type: 'array', items: silenceSchema } },
  })
  async list(): Promise<Wire<Silence>[]> {
    return (await this.incidents.silences()).map(toWire);
  }

  @Post()
  @HttpCode(201)
  @Documented({
    summary: 'Silences what fits it',
    body: { description: 'What for, and until when', schema: newSilenceSchema },
    answer: { status: 201, description: 'The silence', schema: silenceSchema },
  })
  async add(@Body() body: unknown, @RequestActor() by: ByActor): Promise<Wire<Silence>> {
    return toWire(await this.incidents.silence({ ...silenceOf(body), ...by }));
  }

  /** Open incidents that match no other silence are told then. */
  @Delete(':id')
  @HttpCode(204)
  @Documented({
    summary: 'Ends a silence',
    answer: { status: 204, description: 'It has ended', schema: {} },
  })
  async end(@Param('id') id: string): Promise<void> {
    if (!isUuid(id)) throw new UnknownIncidentError('silence', id);
    await this.incidents.endSilence(id);
  }
}
