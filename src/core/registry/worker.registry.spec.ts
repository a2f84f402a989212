import { Injectable, Module, type Provider, Scope } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { type Duration } from '../timing/duration.js';
import { Cron, type CronOptions } from '../worker/cron.decorator.js';
import { Interval } from '../worker/interval.decorator.js';
import { type WorkerOptions } from '../worker/worker-options.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { type WorkerModuleOptions } from '../worker-module.options.js';
import { Enhancers } from './enhancers.js';
import { WorkerCalls } from './worker-calls.js';
import { DecoratedMethods } from './decorated-methods.js';
import { WorkerExplorer } from './worker-explorer.js';
import { WorkerRegistry } from './worker.registry.js';
import { WorkerModule } from '../worker.module.js';

async function registry(
  providers: Provider[],
  workers: WorkerModuleOptions['workers'] = {},
): Promise<WorkerRegistry> {
  @Module({ providers })
  class FleetModule {}
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule, FleetModule],
    providers: [
      Enhancers,
      WorkerCalls,
      DecoratedMethods,
      WorkerExplorer,
      WorkerRegistry,
      { provide: WORKER_OPTIONS, useValue: { workers } },
    ],
  }).compile();
  return module.get(WorkerRegistry);
}

async function refusal(...providers: Provider[]): Promise<string> {
  const workers = await registry(providers);
  try {
    workers.discover();
  } catch (error) {
    expect((error as Error).name).toBe('InvalidWorkersError');
    expect(workers.names()).toEqual([]);
    return (error as Error).message;
  }
  throw new Error('nothing was refused');
}

const decorate = (...args: unknown[]) =>
  (Interval as (...a: unknown[]) => ReturnType<typeof Interval>)(...args);

describe('WorkerRegistry', () => {
  it.each<[unknown, RegExp]>([
    ['5 bananas', /Bad\.work \(in FleetModule\): interval: '5 bananas' is not a duration/],
    [-1, /interval: -1 is not a duration/],
    [NaN, /interval: NaN is not a duration/],
    [Infinity, /interval: Infinity is not a duration/],
    [0.5, /interval: 0\.5 ms is below 1 ms: give 1 or more, or 0/],
    [undefined, /interval: undefined is not a duration/],
    [() => 'soon', /interval: 'soon' is not a duration/],
    [() => { throw new Error('no config'); }, /the function that gives its interval threw: Error: no config/],
  ])('refuses the interval %p, with class, method, module, value and fix', async (every, message) => {
    @Injectable()
    class Bad {
      @decorate('bad', every)
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  }); // prettier-ignore

  it('says what to do about a provider that two modules list, which is the commonest cause of a name that is taken', async () => {
    @Injectable()
    class Reporter {
      @Interval('reporter', '1h')
      work() {}
    }
    @Module({ providers: [Reporter] })
    class ReportsModule {}
    @Module({ providers: [Reporter] })
    class BillingModule {}
    const error = await Test.createTestingModule({
      imports: [WorkerModule.forRoot(), ReportsModule, BillingModule],
    })
      .compile()
      .then((app) => app.init())
      .then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
    expect(error?.message).toContain(
      'Reporter.work: its provider is listed in two modules, ReportsModule and BillingModule',
    );
    expect(error?.message).toContain('provide it in one module, export it there, and import that module');
  });

  it('says where options belong that were given in the place of the interval', async () => {
    @Injectable()
    class Bad {
      @Interval({ name: 'gc', every: '5m' } as unknown as '5m')
      work() {}
    }
    expect(await refusal(Bad)).toContain(
      `interval: {"name":"gc","every":"5m"} is not a duration: give one such as '30s'; options come after it`,
    );
  });

  it.each<[unknown, RegExp]>([
    ['-5s', /timeout: '-5s' is not a duration/],
    [0, /timeout: 0 leaves a run no time: leave it out/],
  ])('refuses the timeout %p', async (timeout, message) => {
    @Injectable()
    class Bad {
      @Interval('bad', '1s', { timeout: timeout as Duration })
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  });

  it.each(['', '   ', 'x'.repeat(201)])('refuses the name %p', async (name) => {
    @Injectable()
    class Bad {
      @Interval(name, '1s')
      work() {}
    }
    expect(await refusal(Bad)).toMatch(/is not a name: give 1 to 200 characters/);
  });

  it('refuses a name that two methods have, and names both', async () => {
    @Injectable()
    class One {
      @Interval('same', '1s')
      a() {}
    }
    @Injectable()
    class Two {
      @Interval('same', '1s')
      b() {}
    }
    expect(await refusal(One, Two)).toMatch(
      /Two\.b \(in FleetModule\): the name "same" is taken by One\.a \(in FleetModule\)/,
    );
  });

  it.each<[object, RegExp]>([
    [{ timeOut: '1m' }, /timeOut: unknown option: did you mean timeout\?/],
    [{ waitForCompletion: true }, /waitForCompletion: unknown option: choose from timeout, critical, /],
    [{ name: 'usage' }, /name: it comes first, before the interval: @Interval\('usage', '5m'\)/],
    [
      { backoff: { initial: '1s', maximum: '1m' } },
      /backoff: maximum: unknown option: choose from initial, max, factor/,
    ],
    [['1m'], /a list is no object with options/],
    [{ enabled: 'false' }, /enabled: "false" \(string\) is neither true nor false/],
    [{ critical: 1 }, /critical: "1" \(number\) is neither true nor false/],
    [{ runOnStart: 'no' }, /runOnStart: "no" \(string\) is neither true nor false/],
    [
      { on: 'domain.added' },
      /on: "domain.added" is no list of types of events: give one such as \['domain.added'\]/,
    ],
    [{ on: [''] }, /on: \[""\] is no list of types of events/],
    [{ jitter: true }, /a jitter of true is neither a fraction/],
  ])('refuses the options %p, which no compiler has seen', async (options, message) => {
    @Injectable()
    class Bad {
      @decorate('bad', '5m', options)
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  });

  it.each<[string, object | string, RegExp]>([
    ['timezone', { timezone: 'Europe/Berlin' }, /timezone: unknown option: choose from timeout, /],
    ['a text', 'Europe/Berlin', /a text is no object with options/],
  ])('refuses %s in the place of options of @Cron', async (_what, options, message) => {
    @Injectable()
    class Bad {
      @Cron('@daily', options as CronOptions)
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  });

  it.each<[unknown, RegExp]>([
    [null, /options\.workers: null is no object with options/],
    [{ timeOut: '1m' }, /options\.workers: timeOut: unknown option: did you mean timeout\?/],
    [{ enabled: 'false' }, /enabled: "false" \(string\) is neither true nor false/],
    [{ interval: { cron: '@daily', timezone: 'UTC' } }, /timezone: unknown option: did you mean timeZone\?/],
  ])('refuses the override %p', async (override, message) => {
    @Injectable()
    class Configured {
      @Interval('configured', '5m')
      work() {}
    }
    const workers = await registry([Configured], { configured: override as object });
    expect(() => workers.discover()).toThrow(message);
  });

  it('knows a worker by the name of what every object has', async () => {
    @Injectable()
    class Named {
      @Interval('constructor', '5m')
      work() {}
    }
    expect((await registry([Named])).discover()).toMatchObject([{ name: 'constructor' }]);
  });

  it('refuses a function of the provider that returns a promise', async () => {
    @Injectable()
    class Bad {
      @decorate('bad', async () => '5m')
      work() {}
    }
    expect(await refusal(Bad)).toMatch(/gives its interval returned a promise: return the interval/);
  });

  it('refuses a list in the place of the interval', async () => {
    @Injectable()
    class Bad {
      @decorate(['5m', '1h'])
      work() {}
    }
    expect(await refusal(Bad)).toContain(`interval: ["5m","1h"] is not a duration: give one such as '30s'`);
  });

  it('refuses a decorated method that another decorator has replaced: nobody would find it', async () => {
    const wrapped: MethodDecorator = (_target, _key, descriptor) => {
      const inner = descriptor.value as unknown as () => unknown;
      descriptor.value = function (this: unknown) {
        return inner.call(this);
      } as never;
    };
    @Injectable()
    class Wrapped {
      @wrapped
      @Interval('wrapped', '5m')
      work() {}
    }
    @Injectable()
    class Inherits extends Wrapped {}
    @Injectable()
    class Overrides extends Wrapped {
      override work() {}
    }
    expect(await refusal(Wrapped)).toMatch(
      /Wrapped\.work .*: another function stands in the place of the decorated one, .*put @Interval above that decorator/,
    );
    expect(await refusal(Inherits)).toMatch(/Inherits\.work .*another function stands in the place/);
    expect((await registry([Overrides])).discover()).toEqual([]);
  });

  it('says what to do about two instances of a class in one module', async () => {
    @Injectable()
    class Usage {
      @Interval('usage', '5m')
      work() {}
    }
    const message = await refusal(
      { provide: 'eu', useFactory: () => new Usage() },
      { provide: 'us', useFactory: () => new Usage() },
    );
    expect(message).toContain('Usage.work: FleetModule has two instances of its class');
    expect(message).toContain('Scheduler.register({ name, interval, run })');
  });

  it('says what to do about a named method that two classes inherit', async () => {
    class Base {
      @Interval('usage', '5m')
      work() {}
    }
    @Injectable()
    class Eu extends Base {}
    @Injectable()
    class Us extends Base {}
    expect(await refusal(Eu, Us)).toMatch(
      /Us\.work .*the name "usage" is taken by Eu\.work .*when both inherit the method, leave its name out/,
    );
  });

  it('refuses a decorated static method', async () => {
    @Injectable()
    class Static {
      @Interval('static', '1s')
      static work() {}
    }
    expect(await refusal(Static)).toMatch(/Static\.work .*static method.*: make it an instance method/);
  });

  it.each<[WorkerOptions, RegExp]>([
    [{ overlap: 'replace' as 'skip' }, /overlap: "replace" is none of skip, queueOne, cancelRunning, allow/],
    [{ spacing: 'gap' as 'slot' }, /spacing: "gap" is none of slot, delay/],
    [{ jitter: 2 }, /a jitter of 2 is neither a fraction of the interval \(0 to 1\) nor a duration/],
    [{ jitter: '1x' as '1s' }, /'1x' is not a duration/],
    [{ backoff: 0 }, /backoff: an initial wait of 0 ms is none: give 1 ms or more/],
    [{ backoff: { initial: '10s', max: '5s' } }, /backoff: a max of 5000 ms is below initial, 10000 ms/],
    [{ backoff: { initial: '10s', factor: 0.5 } }, /backoff: a factor of 0\.5 would shrink the waits/],
    [{ catchUp: 'always' as '1s' }, /catchUp: 'always' is not a duration/],
  ])('refuses the options %p', async (options, message) => {
    @Injectable()
    class Bad {
      @Interval('bad', '1m', options)
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  });

  it.each<[string, CronOptions, RegExp]>([
    ['61 * * * *', {}, /interval: '61 \* \* \* \*' /],
    ['@daily', { timeZone: 'Mars/Olympus' }, /Mars\/Olympus/],
    ['@daily', { jitter: 0.1 }, /a jitter of 0\.1 is a fraction of an interval, which cron has not/],
    [
      '@daily',
      { spacing: 'delay' },
      /spacing: 'delay' counts an interval from the end of a run, and "@daily" is none/,
    ],
  ])('refuses cron %p with %p', async (cron, options, message) => {
    @Injectable()
    class Bad {
      @Cron(cron, { name: 'bad', ...options })
      work() {}
    }
    expect(await refusal(Bad)).toMatch(message);
  });

  it('lets configuration override what a worker says of itself, where it says something', async () => {
    @Injectable()
    class Configured {
      @Interval('configured', '5m', { timeout: '1m', critical: true })
      work() {}
    }
    const workers = await registry([Configured], {
      configured: { interval: '1h', timeout: '2m', critical: undefined, enabled: false },
    });
    expect(workers.discover()).toMatchObject([
      { interval: 3_600_000, timeout: 120_000, critical: true, enabled: false },
    ]);
  });

  it('checks an override as it checks the worker', async () => {
    @Injectable()
    class Configured {
      @Interval('configured', '5m')
      work() {}
    }
    const workers = await registry([Configured], { configured: { interval: '5 bananas' as '5m' } });
    expect(() => workers.discover()).toThrow(/Configured\.work .*interval: '5 bananas'/);
  });

  it('lists all bad definitions in one message', async () => {
    @Injectable()
    class Bad {
      @decorate('first', '5 bananas', { timeout: -1 })
      one() {}
      @decorate('second', NaN)
      two() {}
      @decorate('fine', '1s')
      fine() {}
    }
    const message = await refusal(Bad);
    expect(message).toMatch(/^3 workers|^3 /);
    expect(message).toMatch(/Bad\.one[^]*5 bananas[^]*Bad\.one[^]*timeout: -1[^]*Bad\.two[^]*NaN/);
  });

  it('lists one of every kind in that message, each on a line with class, method, value and fix', async () => {
    @Injectable()
    class Bad {
      @decorate('unparsable', '5 bananas')
      unparsable() {}
      @decorate('below', 0.5)
      below() {}
      @decorate('endless', Infinity)
      endless() {}
      @decorate('overdue', '1s', { timeout: -1 })
      overdue() {}
      @decorate('same', '1s')
      same() {}
      @decorate('same', '1s')
      again() {}
      @decorate('static', '1s')
      static fixed() {}
    }
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      readonly every = '1s';
      @decorate('scoped', (self: PerRequest) => self.every)
      work() {}
    }
    const [first, ...lines] = (await refusal(Bad, PerRequest)).split('\n');
    expect(first).toBe('7 workers are badly defined:');
    expect(lines).toHaveLength(7);
    for (const expected of [
      /^ {2}- Bad\.unparsable \(in FleetModule\): interval: '5 bananas' is not a duration: give /,
      /^ {2}- Bad\.below \(in FleetModule\): interval: 0\.5 ms is below 1 ms: give 1 or more/,
      /^ {2}- Bad\.endless \(in FleetModule\): interval: Infinity is not a duration: give /,
      /^ {2}- Bad\.overdue \(in FleetModule\): timeout: -1 is not a duration: give /,
      /^ {2}- Bad\.again \(in FleetModule\): the name "same" is taken by Bad\.same .*: give one of them another/,
      /^ {2}- Bad\.fixed \(in FleetModule\): @Interval decorates a static method, .*: make it an instance method/,
      /^ {2}- PerRequest\.work \(in FleetModule\): a function gives its interval, .*request-scoped.* Give the interval as a value/,
    ])
      expect(lines).toContainEqual(expect.stringMatching(expected));
  });
});
