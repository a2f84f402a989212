import { afterEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Cron } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { LocalCoordinator } from './coordination/local.coordinator.js';
import { InvalidWorkersError } from './registry/worker.errors.js';
import { Scheduler } from './scheduler/scheduler.js';
import { ManualClock } from './testing/manual-clock.js';
import { Clock } from './timing/clock.js';
import { Interval } from './worker/interval.decorator.js';
import { WorkerModule } from './worker.module.js';

const ran: string[] = [];

@Injectable()
class Mailer {
  readonly name = 'mailer of the module that is loaded with it';
}

@Module({ providers: [Mailer], exports: [Mailer] })
class MailModule {}

@Injectable()
class Reporter {
  constructor(private readonly mailer: Mailer) {}

  @Interval('reporter', '1s')
  report(): void {
    ran.push(this.mailer.name);
  }
}

@Module({ imports: [MailModule], providers: [Reporter] })
class ReportModule {}

@Injectable()
class Cleaner {
  constructor(@Inject('SLOW') private readonly slow: string) {}

  @Interval('cleaner', '1s')
  clean(): void {
    ran.push(this.slow);
  }

  @Cron('* * * * * *')
  legacy(): void {
    ran.push('legacy');
  }

  @Cron('* * * * * *', { name: 'named' })
  namedLegacy(): void {
    ran.push('legacy');
  }
}

/** What it provides takes a while to make. */
const slow = () => new Promise((resolve) => setTimeout(() => resolve('cleaner'), 20));
@Module({ providers: [Cleaner, { provide: 'SLOW', useFactory: slow }] })
class CleanModule {}

@Injectable()
class Broken {
  @Interval('broken', '1 fortnight' as '1s')
  run(): void {}
}

@Module({ providers: [Broken] })
class BrokenModule {}

describe.each(['one process', 'a cluster'])('a module that is loaded lazily in %s', (where) => {
  const clock = new ManualClock();
  let app: INestApplicationContext;
  let logs: string[];
  afterEach(() => app.close());

  async function start(imports: Type[] = []): Promise<{ scheduler: Scheduler; loader: LazyModuleLoader }> {
    ran.length = 0;
    logs = [];
    const note = (text: unknown) => logs.push(String(text));
    const coordination = where === 'a cluster' ? { coordination: new LocalCoordinator(clock) } : {};
    const module = await Test.createTestingModule({
      imports: [WorkerModule.forRoot({ ...coordination, workers: { reporter: {}, typo: {} } }), ...imports],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger({ log: () => {}, warn: note, error: note })
      .compile();
    app = await module.init();
    return { scheduler: app.get(Scheduler), loader: app.get(LazyModuleLoader, { strict: false }) };
  }
  const names = (scheduler: Scheduler) => scheduler.workers().map(({ name }) => name);

  it('has its workers run from then on, those of modules that it imports among them', async () => {
    const { scheduler, loader } = await start();
    const ref = await loader.load(() => ReportModule);
    expect(names(scheduler)).toEqual(['reporter']);
    await clock.advance('3s');
    expect(ran.length).toBeGreaterThanOrEqual(2);
    expect(new Set(ran)).toEqual(new Set([new Mailer().name]));
    expect(ref.get(Mailer, { strict: false })).toBeInstanceOf(Mailer);
  });

  it('counts once, however often it is loaded, and beside workers that are there already', async () => {
    const { scheduler, loader } = await start([ReportModule]);
    await loader.load(() => ReportModule);
    await loader.load(() => CleanModule);
    await Promise.all([loader.load(() => CleanModule), loader.load(() => ReportModule)]);
    expect(names(scheduler)).toEqual(['cleaner', 'reporter']);
  });

  it('may be loaded while another one is: each gets its own instance, once that is made', async () => {
    const { scheduler, loader } = await start();
    const slow = loader.load(() => CleanModule);
    await loader.load(() => ReportModule);
    expect(names(scheduler)).toEqual(['reporter']);
    await slow;
    expect(names(scheduler)).toEqual(['cleaner', 'reporter']);
    await clock.advance('3s');
    expect(ran).toContain('cleaner');
  });

  it('is refused when a worker of it is badly defined, each time; others run', async () => {
    const { scheduler, loader } = await start([ReportModule]);
    for (let i = 0; i < 2; i++)
      await expect(loader.load(() => BrokenModule)).rejects.toThrow(InvalidWorkersError);
    expect(names(scheduler)).toEqual(['reporter']);
  });

  it('is named for handlers of @nestjs/schedule, which do not run, and once', async () => {
    const { loader } = await start();
    await loader.load(() => CleanModule);
    await loader.load(() => ReportModule);
    expect(logs.filter((line) => line.includes('does not run'))).toEqual([
      expect.stringContaining('Cleaner.legacy'),
      expect.stringContaining('Cleaner.namedLegacy'),
    ]);
    expect(logs).toContain(
      'The cron job Cleaner.legacy does not run: its module, CleanModule, is loaded lazily, and handlers of @nestjs/schedule are looked for ' +
        'at the start. Those of ctrlplane-workers run',
    );
    await clock.advance('3s');
    expect(ran).not.toContain('legacy');
  });

  it('is no reason to say again which options no worker has', async () => {
    const { loader } = await start();
    await loader.load(() => CleanModule);
    expect(logs.filter((line) => line.includes('"typo"'))).toHaveLength(1);
  });

  it('runs nothing while the scheduler is stopped', async () => {
    const { scheduler, loader } = await start();
    await scheduler.stop();
    await loader.load(() => ReportModule);
    await clock.advance('3s');
    expect(ran).toEqual([]);
    expect(scheduler.workerByName('reporter')).toMatchObject({ running: false });
  });
});
