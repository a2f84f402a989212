import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { SCHEDULE_MODULE_OPTIONS, scheduleMetadata } from './schedule-metadata.js';

/** All that the decorators of a version leave on a method, and the tokens that its module provides. */
const INSPECT = `
  require('reflect-metadata');
  const { Cron, Interval, Timeout, ScheduleModule } = require(process.argv[1]);
  const left = (decorator) => {
    const descriptor = { value() {} };
    decorator({}, 'method', descriptor);
    return Reflect.getMetadataKeys(descriptor.value).map((key) => [key, Reflect.getMetadata(key, descriptor.value)]);
  };
  console.log(JSON.stringify({
    cron: left(Cron('0 3 * * *', { name: 'nightly', timeZone: 'Europe/Berlin', threshold: 5 })),
    bare: left(Cron('0 3 * * *')),
    interval: left(Interval('often', 1000)),
    unnamed: left(Interval(1000)),
    timeout: left(Timeout('once', 2000)),
    tokens: ScheduleModule.forRoot().providers.map(({ provide }) => provide).filter((token) => typeof token === 'string'),
  }));
`;

type Left = [key: string, value: unknown][];
type Inspected = Record<'cron' | 'bare' | 'interval' | 'unnamed' | 'timeout', Left> & { tokens: string[] };

/** In a process of its own: version 6 is CommonJS, and Jest cannot give it the ECMAScript modules of Nest. */
function inspect(version: string): Inspected {
  const options = { cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8' as const };
  return JSON.parse(execFileSync(process.execPath, ['-e', INSPECT, version], options)) as Inspected;
}

function read(left: Left) {
  const method = (): void => {};
  for (const [key, value] of left) Reflect.defineMetadata(key, value, method);
  return scheduleMetadata(method);
}

describe.each(['@nestjs/schedule', 'nestjs-schedule-6'])('scheduleMetadata, held against %s', (version) => {
  const { tokens, ...left } = inspect(version);

  it('reads what @Cron leaves', () => {
    expect(read(left.cron)).toEqual({
      kind: 'cronJobs',
      name: 'nightly',
      cron: { cronTime: '0 3 * * *', name: 'nightly', timeZone: 'Europe/Berlin', threshold: 5 },
    });
    expect(read(left.bare)).toEqual({ kind: 'cronJobs', name: undefined, cron: { cronTime: '0 3 * * *' } });
  });

  it('reads what @Interval and @Timeout leave', () => {
    expect(read(left.interval)).toEqual({ kind: 'intervals', name: 'often', ms: 1_000 });
    expect(read(left.unnamed)).toEqual({ kind: 'intervals', name: undefined, ms: 1_000 });
    expect(read(left.timeout)).toEqual({ kind: 'timeouts', name: 'once', ms: 2_000 });
  });

  it('knows the token of its options', () => {
    expect(tokens).toEqual([SCHEDULE_MODULE_OPTIONS]);
  });
});

describe('scheduleMetadata', () => {
  it('finds nothing on what is not decorated', () => {
    expect(scheduleMetadata(() => {})).toBeUndefined();
    expect(scheduleMetadata(undefined)).toBeUndefined();
    expect(scheduleMetadata({})).toBeUndefined();
  });
});
