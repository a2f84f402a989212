import { describe, expect, it } from '@jest/globals';
import { InvalidInputError } from '../input/input.errors.js';
import { type HealthCheck } from './health-check.js';
import { type HealthCheckRequest, parseHealthCheck, parseHealthCheckChange } from './health-check-input.js';
import { withoutSecrets } from './hidden-values.js';

const alone = { hasInstance: false, checkers: ['redis'] };
const http = (more: object = {}) => ({ type: 'http', url: 'https://example.com/health', ...more });
const check = (probe: object, more: object = {}) => ({ name: 'web', probe, ...more }) as HealthCheckRequest;
const faultOf = (request: HealthCheckRequest, place = alone): string => {
  try {
    parseHealthCheck(request, place);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInputError);
    return (error as Error).message;
  }
  throw new Error('was not refused');
};

describe('a health check', () => {
  it('has defaults for everything but its name and its probe', () => {
    expect(parseHealthCheck(check({ type: 'http', url: 'http://example.com' }), alone)).toEqual({
      name: 'web',
      probe: {
        type: 'http',
        url: 'http://example.com',
        method: 'GET',
        headers: {},
        status: ['200-299'],
        json: [],
        redirects: 5,
        tls: { verify: true },
        maxBytes: 1_048_576,
      },
      interval: 10_000,
      timeout: 5_000,
      failureThreshold: 3,
      successThreshold: 1,
      initialDelay: 0,
      startupGrace: 0,
      onUnhealthy: 'none',
      maxRestartsPerHour: 5,
      enabled: true,
    });
  });

  it('takes lengths of time in words, and a timeout as long as a short interval', () => {
    const { interval, timeout } = parseHealthCheck(check(http(), { interval: '2s' }), alone);
    expect([interval, timeout]).toEqual([2_000, 2_000]);
  });

  it.each([
    ['credentials in a URL', check(http({ url: 'http://u:hunter2@example.com' })), 'probe.url: credentials'],
    ['a user in a URL', check(http({ url: 'http://u@example.com' })), 'probe.url: credentials'],
    ['another scheme', check(http({ url: 'file:///etc/passwd' })), 'probe.url: "file" is not http or https'],
    ['no URL', check(http({ url: 'example.com' })), 'probe.url: "example.com" is no absolute URL'],
    ['a port out of range', check(http({ url: 'http://example.com:65536' })), 'probe.url: '],
    ['port 0', check(http({ url: 'http://example.com:0' })), 'probe.url: port 0'],
    ['port 0 of an address', check({ type: 'tcp', address: 'db:0' }), 'probe.address: "db:0" is no address'],
    ['a port above all', check({ type: 'tcp', address: 'db:65536' }), 'probe.address: "db:65536"'],
    ['no port', check({ type: 'grpc', address: 'db' }), 'probe.address: "db" is no address'],
    [
      'a scheme in an address',
      check({ type: 'tcp', address: 'tcp://u:p@db:1' }),
      'probe.address: is no address',
    ],
    [
      'a line break in a header',
      check(http({ headers: { 'x-a': 'b\r\nx-c: d' } })),
      'probe.headers.x-a: its value',
    ],
    [
      'a line break in the name of a header',
      check(http({ headers: { 'x\r\ny': 'b' } })),
      'is no name of a header',
    ],
    [
      'a header of the connection',
      check(http({ headers: { 'Content-Length': '5' } })),
      'probe.headers.Content-Length',
    ],
    [
      'a timeout above the interval',
      check(http(), { interval: '5s', timeout: '6s' }),
      'timeout: 6000 ms is longer',
    ],
    [
      'an interval below a second',
      check(http(), { interval: '999ms' }),
      'interval: 999 ms is not from 1000 ms',
    ],
    ['an interval that is none', check(http(), { interval: 'often' }), "interval: 'often' is not a duration"],
    ['NaN', check(http(), { interval: NaN }), 'interval: NaN is not a duration'],
    [
      'an unknown checker',
      check({ type: 'custom', checker: 'mongo' }),
      'probe.checker: there is no checker "mongo"',
    ],
    ['an unknown kind', check({ type: 'icmp' }), 'probe.type: '],
    ['an unknown field', check(http({ jsonPath: '$.a' })), 'jsonPath'],
    [
      'a threshold of none',
      check(http(), { failureThreshold: 0 }),
      'failureThreshold: 0 is not a whole number',
    ],
    ['a range of statuses that is none', check(http({ status: ['299-200'] })), 'probe.status.0: "299-200"'],
    ['a status that is none', check(http({ status: [700] })), 'probe.status.0: 700'],
    [
      'a pointer that is none',
      check(http({ json: [{ pointer: 'a', equals: 1 }] })),
      'probe.json.0.pointer: "a"',
    ],
    ['a body of a GET', check(http({ body: 'x' })), 'probe.body: is not sent with GET'],
    [
      'a command without an instance',
      check({ type: 'command', command: ['ls'] }),
      'probe.type: a command needs',
    ],
    [
      'an endpoint without an instance',
      check({ type: 'tcp', endpoint: 'http' }),
      'probe.address: is missing',
    ],
    ['a restart of nothing', check(http(), { onUnhealthy: 'restart' }), 'onUnhealthy: there is no instance'],
    ['NUL in a text', check({ type: 'tcp', address: 'db:1', send: 'a\0' }), 'probe.send: holds a NUL'],
    ['a name over several lines', check(http(), { name: 'a\nb' }), 'name: holds a control character'],
    [
      'a configuration without end',
      check({ type: 'custom', checker: 'redis', config: { a: 'x'.repeat(20_000) } }),
      'probe.config: longer than 16384 characters',
    ],
    [
      'an expected value without end',
      check(http({ json: [{ pointer: '/a', equals: 'x'.repeat(20_000) }] })),
      'probe.json.0.equals: longer than 16384 characters',
    ],
    ['too many redirects', check(http({ redirects: 11 })), 'probe.redirects: 11'],
  ])('refuses %s, and names the field', (_, request, message) => {
    expect(faultOf(request)).toContain(message);
  });

  it('never shows a secret in what it says', () => {
    expect(faultOf(check(http({ url: 'http://u:hunter2@example.com' })))).not.toContain('hunter2');
    expect(faultOf(check(http({ headers: { authorization: 'Bearer hunter2\n' } })))).not.toContain('hunter2');
    expect(faultOf(check({ type: 'tcp', address: 'tcp://u:hunter2@db:1' }))).not.toContain('hunter2');
  });

  it('is changed in part, and checked as a whole', () => {
    const settings = parseHealthCheck(check(http(), { interval: '20s' }), alone);
    expect(parseHealthCheckChange(settings, { interval: '3s' }, alone)).toMatchObject({
      interval: 3_000,
      timeout: 3_000,
    });
    expect(() => parseHealthCheckChange(settings, { timeout: '30s' }, alone)).toThrow(
      'timeout: 30000 ms is longer',
    );
  });

  it('is shown without what may be a secret', () => {
    const shown = [
      http({ headers: { authorization: 'Bearer hunter2' }, method: 'POST', body: 'hunter2' }),
      { type: 'tcp', address: 'db:1', send: 'hunter2' },
      { type: 'custom', checker: 'redis', config: { password: 'hunter2' } },
    ].map((probe) => withoutSecrets(parseHealthCheck(check(probe), alone) as HealthCheck));
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(JSON.stringify(shown)).toContain('authorization');
  });

  describe('that is given back as it was shown', () => {
    const stored = (probe: object) => parseHealthCheck(check(probe), alone);
    const secret = http({
      headers: { Authorization: 'Bearer hunter2', 'x-a': 'b' },
      method: 'POST',
      body: 'hunter2',
    });
    const shownOf = (probe: object) => withoutSecrets(stored(probe) as HealthCheck).probe;

    it.each([
      ['http', secret],
      ['tcp', { type: 'tcp', address: 'db:1', send: 'hunter2' }],
      [
        'custom',
        { type: 'custom', checker: 'redis', config: { password: 'hunter2', nested: { a: ['hunter2'] } } },
      ],
    ])('keeps the values that were hidden: %s', (_, probe) => {
      const before = stored(probe);
      expect(JSON.stringify(shownOf(probe))).not.toContain('hunter2');
      expect(parseHealthCheckChange(before, { probe: shownOf(probe) as never }, alone)).toEqual(before);
    });

    it('takes a new value, and a header that is left out as gone', () => {
      const probe = { ...shownOf(secret), headers: { authorization: '[hidden]' }, body: 'new' };
      const { probe: after } = parseHealthCheckChange(stored(secret), { probe: probe as never }, alone);
      expect(after).toMatchObject({ headers: { authorization: 'Bearer hunter2' }, body: 'new' });
    });

    it('sends no hidden value to another target, and refuses one that is not there', () => {
      const elsewhere = { ...shownOf(secret), url: 'https://evil.example.com/' };
      const change = (probe: object) => () =>
        parseHealthCheckChange(stored(secret), { probe: probe as never }, alone);
      expect(change(elsewhere)).toThrow('probe.headers.Authorization: [hidden] stands for a value');
      expect(change({ ...shownOf(secret), headers: { 'x-new': '[hidden]' } })).toThrow(
        'probe.headers.x-new: [hidden]',
      );
      expect(change({ type: 'tcp', address: 'db:1', send: '[hidden]' })).toThrow('probe.send: [hidden]');
      expect(faultOf(check(http({ headers: { a: '[hidden]' } })))).toContain('probe.headers.a: [hidden]');
    });

    it('takes a virtual host for a target, however its header is written', () => {
      const probe = http({ headers: { Host: 'a.example.com', authorization: 'hunter2' } });
      const before = stored(probe);
      expect(parseHealthCheckChange(before, { probe: shownOf(probe) as never }, alone)).toEqual(before);
      for (const name of ['Host', 'host', 'HOST']) {
        const foreign = { ...shownOf(probe), headers: { [name]: 'evil.example', authorization: '[hidden]' } };
        expect(() => parseHealthCheckChange(before, { probe: foreign as never }, alone)).toThrow(
          'probe.headers.authorization: [hidden] stands for a value',
        );
      }
    });

    it.each([
      [null],
      ['x'],
      [{ type: 'http', headers: null }],
      [{ type: 'http', headers: 'x' }],
      [{ type: 'custom', config: [] }],
      [{ type: 5 }],
      [{ type: 'http', url: 5 }],
    ])('refuses what is no probe: %j', (probe) => {
      expect(() => parseHealthCheckChange(stored(http()), { probe: probe as never }, alone)).toThrow(
        InvalidInputError,
      );
    });
  });
});
