import { Get, Query } from '@nestjs/common';
import { ApiController } from '../http/api-controller.js';
import { Documented } from '../http/openapi.js';
import { flag, limit, QueryPipe } from '../http/query.pipe.js';
import { toWire, type Wire } from '../http/wire.js';
import { type KnownReplica } from '../history/replica.js';
import { RunRecorder } from '../history/run.recorder.js';
import { replicaSchema } from './openapi-schemas.js';

type ShownReplica = Wire<KnownReplica> & { this: boolean };

/** The processes of the application over HTTP. */
@ApiController('replicas')
export class ReplicasController {
  constructor(private readonly recorder: RunRecorder) {}

  /** The replicas that are alive, and those that are gone and still known; the newest start first. */
  @Get()
  @Documented({
    summary: 'Replicas of the application',
    query: {
      limit: { type: 'integer', minimum: 1, maximum: 1_000, default: 50 },
      alive: { type: 'boolean', description: 'Only those that live' },
    },
    answer: {
      description: 'The newest start first',
      schema: {
        type: 'object',
        required: ['items'],
        properties: { items: { type: 'array', items: replicaSchema } },
      },
    },
  })
  async list(
    @Query(new QueryPipe({ limit: limit(), alive: flag() })) query: { limit: number; alive: boolean },
  ): Promise<{ items: ShownReplica[] }> {
    const replicas = await this.recorder.replicas(query);
    return {
      items: replicas.map((replica) => ({
        ...toWire(replica),
        this: replica.id === this.recorder.replica.id,
      })),
    };
  }
}
