import {
  Controller,
  Get,
  type INestApplication,
  type INestApplicationContext,
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory, REQUEST } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../test/support/gate.js';
import { type EndedRun } from './history/run.js';
import { Scheduler } from './scheduler/scheduler.js';
import { Interval } from './worker/interval.decorator.js';
import { type RunContext } from './worker/run-context.js';
import { WorkerModule } from './worker.module.js';

/** What an application has for its routes: the guard lets requests pass that bring what a run never has. */
const FOR_ROUTES = [
  {
    provide: APP_GUARD,
    useValue: {
      canActivate: (context: { switchToHttp(): { getRequest(): { headers: Record<string, string> } } }) =>
        context.switchToHttp().getRequest().headers.authorization === 'Bearer token',
    },
  },
  { provide: APP_FILTER, useValue: { catch: () => 'answered' } },
];

const inFlight = { started: gate(), mayEnd: gate() };

@Injectable()
class Single {
  @Interval('ticking', 20)
  tick() {}

  @Interval('failing', 0)
  fail() {
    throw new Error('broken');
  }

  @Interval('long', 0)
  async long() {
    inFlight.started.open();
    await inFlight.mayEnd.opened;
  }
}

@Injectable({ scope: Scope.REQUEST })
class Scoped {
  constructor(@Inject(REQUEST) private readonly request: RunContext) {}

  @Interval('scoped', 0)
  @UseGuards({ canActivate: (context) => context.getArgByIndex(0) !== undefined })
  work(context: RunContext) {
    if (this.request !== context) throw new Error('REQUEST is not the run');
  }
}

@Controller()
class Routes {
  constructor(private readonly scheduler: Scheduler) {}
  @Get('names')
  names(): string[] {
    return this.scheduler.workers().map(({ name }) => name);
  }
}

@Module({
  imports: [WorkerModule.forRoot()],
  providers: [Single, Scoped, ...FOR_ROUTES],
  controllers: [Routes],
})
class AppModule {}

const PLATFORMS: [string, () => Promise<INestApplicationContext>][] = [
  ['createApplicationContext', () => NestFactory.createApplicationContext(AppModule, { logger: false })],
  ['Express', () => NestFactory.create(AppModule, new ExpressAdapter(), { logger: false })],
  ['Fastify', () => NestFactory.create(AppModule, new FastifyAdapter(), { logger: false })],
];

describe.each(PLATFORMS)('WorkerModule with %s', (platform, create) => {
  let app: INestApplicationContext;
  afterEach(() => app.close());

  it('ticks, tracks, injects and drains; routes and their global guard are as they were', async () => {
    inFlight.started = gate();
    inFlight.mayEnd = gate();
    app = await create();
    const scheduler = app.get(Scheduler);
    const ticked = new Promise<void>((resolve) => {
      scheduler.events$.subscribe(({ type, worker }) => {
        if (type === 'run.succeeded' && worker === 'ticking') resolve();
      });
    });
    if (platform === 'createApplicationContext') await app.init();
    else await (app as INestApplication).listen(0, '127.0.0.1');

    const run = async (worker: string): Promise<EndedRun> => (await scheduler.trigger(worker)).ended;
    await ticked;
    expect(await run('failing')).toMatchObject({ outcome: 'failed', error: { message: 'broken' } });
    expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });

    if (platform !== 'createApplicationContext') {
      const url = `${await (app as INestApplication).getUrl()}/names`;
      const welcome = await fetch(url, { headers: { authorization: 'Bearer token' } });
      expect(await welcome.json()).toEqual(['failing', 'long', 'scoped', 'ticking']);
    }

    const { ended } = await scheduler.trigger('long');
    await inFlight.started.opened;
    const closed = app.close();
    inFlight.mayEnd.open();
    await closed;
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(scheduler.running).toBe(false);
  });
});
