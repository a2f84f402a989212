import { describe, expect, it } from '@jest/globals';
import { Cron } from './cron.decorator.js';
import { Interval } from './interval.decorator.js';
import { Shard } from './shard.decorator.js';

type Apply = (target: object, key?: unknown, descriptor?: unknown) => unknown;

const every = Interval('5m') as unknown as Apply;
const describedIn = (target: object, key: string) => Object.getOwnPropertyDescriptor(target, key);

describe('a decorator of methods', () => {
  class Usage {
    static count = 0;
    report() {}
    get rows() {
      return 0;
    }
  }

  it.each<[string, unknown[], RegExp]>([
    [
      'a property',
      [Usage.prototype, 'handler', undefined],
      /@Interval decorates Usage\.handler, which is no method/,
    ],
    [
      'a getter',
      [Usage.prototype, 'rows', describedIn(Usage.prototype, 'rows')],
      /Usage\.rows, which is no method/,
    ],
    ['a static property', [Usage, 'count', describedIn(Usage, 'count')], /Usage\.count, which is no method/],
    ['a class', [Usage], /decorates the class Usage, which is no method: put it on one/],
    [
      'a method without experimentalDecorators',
      [Usage.prototype.report, { kind: 'method' }],
      /"experimentalDecorators": true/,
    ],
  ])('refuses %s', (_what, decorated, message) => {
    expect(() => every(...(decorated as [object]))).toThrow(message);
  });

  it('refuses a method that has one already, as only one would have an effect', () => {
    expect(() => {
      class Twice {
        @Interval('often', '5m')
        @Cron('@daily')
        report() {}
      }
      return Twice;
    }).toThrow(/@Interval decorates Twice\.report a second time/);
  });

  it.each<[string, unknown, string]>([
    ['Interval', Interval, "@Interval('5m')"],
    ['Cron', Cron, "@Cron('0 3 * * *')"],
    ['Shard', Shard, '@Shard()'],
  ])('%s refuses to be written without parentheses', (_name, decorator, example) => {
    const bare = decorator as Apply;
    expect(() => bare(Usage.prototype, 'report', describedIn(Usage.prototype, 'report'))).toThrow(
      `A decorator of Usage.report has no parentheses: write ${example}`,
    );
  });
});
