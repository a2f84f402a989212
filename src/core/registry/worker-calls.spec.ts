import { Controller, Inject, Injectable, Scope } from '@nestjs/common';
import { ContextIdFactory, ModuleRef, REQUEST } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../../test/support/gate.js';
import { closeApps, startApp } from '../../../test/support/worker-app.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { Cron } from '../worker/cron.decorator.js';
import { Interval } from '../worker/interval.decorator.js';
import { RunContext } from '../worker/run-context.js';

afterEach(closeApps);

describe('WorkerCalls', () => {
  it('calls a singleton as it is, with the run as the only argument', async () => {
    const calls: unknown[][] = [];
    @Injectable()
    class Single {
      @Interval('single', 0)
      work(...args: RunContext[]) {
        calls.push([this, ...args]);
      }
    }
    const { app, run } = await startApp({ providers: [Single] });
    const { id } = await run('single');
    expect(calls).toEqual([[app.get(Single), expect.objectContaining({ runId: id })]]);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])(
    'makes a provider of scope %p anew for each run',
    async (scope) => {
      const instances: unknown[] = [];
      @Injectable()
      class Dependency {}
      @Injectable({ scope })
      class Scoped {
        constructor(readonly dependency: Dependency) {}
        @Interval('scoped', '1h')
        work() {
          instances.push(this);
        }
      }
      const { app, run } = await startApp({ providers: [Scoped, Dependency] });
      expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });
      expect(await run('scoped')).toMatchObject({ outcome: 'succeeded' });
      const [first, second] = instances as Scoped[];
      expect(first).toBeInstanceOf(Scoped);
      expect(second).not.toBe(first);
      expect(second!.dependency).toBe(app.get(Dependency));
    },
  );

  it('gives what is request-scoped in a run the run as its REQUEST, one instance to all of them', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Unit {
      constructor(@Inject(REQUEST) readonly request: RunContext) {}
    }
    @Injectable()
    class Service {
      constructor(readonly unit: Unit) {}
    }
    const seen: unknown[] = [];
    @Injectable()
    class Dependent {
      constructor(
        private readonly unit: Unit,
        private readonly service: Service,
      ) {}
      @Interval('dependent', '1h')
      work(context: RunContext) {
        seen.push(this.unit.request === context, this.service.unit === this.unit, context.payload);
      }
    }
    const { run } = await startApp({ providers: [Dependent, Service, Unit] });
    await run('dependent', 'one');
    await run('dependent', 'two');
    expect(seen).toEqual([true, true, 'one', true, true, 'two']);
  });

  it('lets a run find more of what belongs to it, as a request does', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Unit {}
    const seen: unknown[] = [];
    @Injectable()
    class Finder {
      constructor(
        private readonly unit: Unit,
        private readonly moduleRef: ModuleRef,
      ) {}
      @Interval('finder', '1h')
      async work(context: RunContext) {
        const id = ContextIdFactory.getByRequest(context);
        seen.push((await this.moduleRef.resolve(Unit, id)) === this.unit);
      }
    }
    const { run } = await startApp({ providers: [Finder, Unit] });
    await run('finder');
    expect(seen).toEqual([true]);
  });

  it('keeps runs that are active at the same time apart', async () => {
    const mayEnd = gate();
    const bothOn = gate();
    const seen: unknown[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class Parallel {
      constructor(@Inject(REQUEST) private readonly request: RunContext) {}
      @Interval('parallel', '1h', { overlap: 'allow' })
      async work(context: RunContext) {
        seen.push(context.payload);
        if (seen.length === 2) bothOn.open();
        await mayEnd.opened;
        seen.push(this.request === context && RunContext.current() === context);
      }
    }
    const { run } = await startApp({ providers: [Parallel] });
    const runs = Promise.all([run('parallel', 1), run('parallel', 2)]);
    await bothOn.opened;
    mayEnd.open();
    await runs;
    expect(seen).toEqual([1, 2, true, true]);
  });

  it('calls the provider of its own module when another one has the same token', async () => {
    const seen: string[] = [];
    @Injectable({ scope: Scope.REQUEST })
    class Mine {
      @Interval('mine', '1h')
      work() {
        seen.push('mine');
      }
    }
    @Injectable({ scope: Scope.REQUEST })
    class Theirs {
      @Interval('theirs', '1h')
      work() {
        seen.push('theirs');
      }
    }
    class MyModule {}
    class TheirModule {}
    const { run } = await startApp({
      imports: [
        { module: MyModule, providers: [{ provide: 'reports', useClass: Mine }] },
        { module: TheirModule, providers: [{ provide: 'reports', useClass: Theirs }] },
      ],
    });
    await run('mine');
    await run('theirs');
    expect(seen).toEqual(['mine', 'theirs']);
  });

  it('calls a request-scoped controller, and one provider of several tokens once', async () => {
    const seen: unknown[] = [];
    @Controller({ scope: Scope.REQUEST })
    class Scoped {
      @Interval('controller', '1h')
      work() {
        seen.push(this instanceof Scoped);
      }
    }
    @Injectable({ scope: Scope.TRANSIENT })
    class Aliased {
      @Interval('aliased', '1h')
      work() {
        seen.push(this instanceof Aliased);
      }
    }
    const { app, run } = await startApp({
      controllers: [Scoped],
      providers: [{ provide: 'alias', useExisting: Aliased }, Aliased],
    });
    await run('controller');
    await run('aliased');
    expect(seen).toEqual([true, true]);
    expect(app.get(Scheduler).workers()).toHaveLength(2);
  });

  it('fails the run when its provider cannot be made, and nothing else', async () => {
    let broken = true;
    @Injectable({ scope: Scope.REQUEST })
    class Fragile {
      constructor() {
        if (broken) throw new Error('no connection');
      }
      @Interval('fragile', '1h')
      work() {}
    }
    @Injectable()
    class Sturdy {
      @Interval('sturdy', '1h')
      work() {}
    }
    const { run } = await startApp({ providers: [Fragile, Sturdy] });
    expect(await run('fragile')).toMatchObject({ outcome: 'failed', error: { message: 'no connection' } });
    expect(await run('sturdy')).toMatchObject({ outcome: 'succeeded' });
    broken = false;
    expect(await run('fragile')).toMatchObject({ outcome: 'succeeded' });
  });

  it('fails the run when something that its provider depends on cannot be made', async () => {
    @Injectable()
    class Dependent {
      constructor(@Inject('connection') readonly connection: unknown) {}
      @Interval('dependent', '1h')
      work() {}
    }
    const connection = {
      provide: 'connection',
      scope: Scope.REQUEST,
      useFactory: () => Promise.reject(new Error('refused')),
    };
    const { run } = await startApp({ providers: [Dependent, connection] });
    expect(await run('dependent')).toMatchObject({ outcome: 'failed', error: { message: 'refused' } });
  });

  it('takes a cron expression from a provider that has no instance yet', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Nightly {
      @Cron('0 3 * * *', { name: 'nightly', timeZone: 'Europe/Berlin' })
      work() {}
    }
    const { app } = await startApp({ providers: [Nightly] });
    expect(app.get(Scheduler).workerByName('nightly')).toMatchObject({ cron: '0 3 * * *' });
  });

  it.each([
    ['request-scoped', Scope.REQUEST],
    ['transient', Scope.TRANSIENT],
  ])('refuses a function as the interval of a %s provider, as there is nothing to ask', async (_, scope) => {
    @Injectable({ scope })
    class Asked {
      interval = '5m' as const;
      @Interval<Asked>('asked', (asked) => asked.interval)
      work() {}
    }
    await expect(startApp({ providers: [Asked] })).rejects.toThrow(
      /Asked\.work \(in RootTestModule\): a function gives its interval, and there is no instance to ask.*Give the interval as a value/,
    );
  });

  it('names a worker that a factory makes after its class', async () => {
    class Made {
      @Interval('1h')
      work() {}
    }
    const { run } = await startApp({ providers: [{ provide: 'made', useFactory: () => new Made() }] });
    expect(await run('Made.work')).toMatchObject({ outcome: 'succeeded' });
  });
});
