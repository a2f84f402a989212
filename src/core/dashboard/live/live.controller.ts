import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { Get, Req, Res } from '@nestjs/common';
import { ApiController } from '../../http/api-controller.js';
import { Documented } from '../../http/openapi.js';
import { LiveFeed } from './live-feed.js';

/** Fastify's reply, which contains Node's response. */
interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): unknown;
  getHeaders(): OutgoingHttpHeaders;
}

/** `no-transform`, `X-Accel-Buffering`: compressing middleware and nginx would buffer messages. */
const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no',
};

/** Milliseconds after which a client that has lost the connection reconnects. */
const RETRY = 'retry: 2000\n\n';

/** The workers of the cluster as they change, as server-sent events. */
@ApiController('dashboard/live')
export class LiveController {
  constructor(private readonly feed: LiveFeed) {}

  @Get()
  @Documented({
    summary: 'All workers, then what changes (server-sent events)',
    answer: {
      description: 'Events `snapshot`, `change` and `end`, each with JSON',
      type: 'text/event-stream',
      schema: { type: 'string' },
    },
  })
  stream(@Req() request: IncomingMessage, @Res() response: ServerResponse | FastifyReply): void {
    this.feed.check();
    const raw = 'hijack' in response ? response.raw : response;
    if ('hijack' in response) {
      response.hijack();
      raw.writeHead(200, { ...response.getHeaders(), ...HEADERS });
    } else raw.writeHead(200, HEADERS);
    if (request.method === 'HEAD') return void raw.end();
    raw.write(RETRY);
    void this.feed.join(raw);
  }
}
