import { BadRequestException, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { limit, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWire, toWirePage, type Wire, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { mapPage } from '../database/page.js';
import { decision } from './decision.pipe.js';
import { type PassBrake } from './pass-brake.js';
import { GarbageCollectorPassBrakes } from './pass-brakes.service.js';

interface PageQuery {
  limit: number;
  after: string | undefined;
}

const page = () => new QueryPipe({ limit: limit(), after: text() });

const PATH = 'gc/pass-brakes';

/** What the passes of the garbage collector hold back beside instances. A decision names the set that was shown. */
@ControlPlaneController(PATH)
export class PassBrakesController {
  constructor(private readonly brakes: GarbageCollectorPassBrakes) {}

  @Get()
  async list(@Query(page()) query: PageQuery): Promise<WirePage<PassBrake>> {
    return toWirePage(await this.brakes.list(query));
  }

  @Get(':id')
  async keys(@Param('id') id: string, @Query(page()) query: PageQuery): Promise<WirePage<{ key: string }>> {
    return toWirePage(mapPage(await this.brakes.keys(idOf(id), query), (key) => ({ key })));
  }

  @Post(':id/confirm')
  @HttpCode(200)
  async confirm(
    @Param('id') id: string,
    @Query(decision(PATH)) { set }: { set: string },
  ): Promise<Wire<PassBrake>> {
    return toWire(await this.brakes.confirm(idOf(id), set));
  }

  @Post(':id/refuse')
  @HttpCode(200)
  async refuse(
    @Param('id') id: string,
    @Query(decision(PATH)) { set }: { set: string },
  ): Promise<Wire<PassBrake>> {
    return toWire(await this.brakes.refuse(idOf(id), set));
  }
}

function idOf(given: string): string {
  if (/^[0-9a-f]{32}$/.test(given)) return given;
  throw new BadRequestException(`That is no id of a brake: give one that GET /${PATH} shows`);
}
