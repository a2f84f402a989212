import { z } from 'zod';
import { count } from '../input/count.js';
import { duration } from '../input/duration.js';
import { parseInput, shown } from '../input/input.js';
import { InvalidInputError } from '../input/input.errors.js';
import { type HealthCheck, type Probe } from './health-check.js';
import { HIDDEN, hiddenIn, withStoredSecrets } from './hidden-values.js';
import { isJsonPointer } from './probes/json-pointer.js';
import { parseAddress } from './probes/target.js';

const DAY = 86_400_000;

/** What a check is made from. Lengths of time as milliseconds or `'30s'`. Everything is optional but name and probe. */
export type HealthCheckRequest = z.input<typeof schema>;

/** What of a check can be changed; what is left out stays. A probe is replaced as a whole. */
export type HealthCheckChange = Partial<HealthCheckRequest>;

/** Everything of a check that its owner decides. */
export type HealthCheckSettings = Omit<
  HealthCheck,
  'id' | 'tenantId' | 'instanceId' | 'revision' | 'createdAt' | 'updatedAt'
>;

/** In whole milliseconds, as the stores keep it. */
const time = (min: number, max: number) => duration({ min, max }).transform(Math.round);

/** NUL is refused by PostgreSQL. */
const plainText = (longest: number, shortest = 0) =>
  z
    .string()
    .min(shortest, `give at least ${shortest} characters`)
    .max(longest, `longer than ${longest} characters`)
    .refine((text) => !/[\u0000\p{Surrogate}]/u.test(text), 'holds a NUL character or half a surrogate pair');

const checkName = plainText(100, 1).refine((text) => !/\p{Cc}/u.test(text), 'holds a control character');

const url = plainText(2_000, 1).superRefine((text, context) => {
  const issue = (message: string): void => context.addIssue({ code: 'custom', message });
  if (!URL.canParse(text))
    return issue(`${shown(text)} is no absolute URL, such as https://example.com/health`);
  const { protocol, username, password, hostname, port } = new URL(text);
  // The text itself is not shown: it may hold a password.
  if (username || password) return issue('credentials in a URL end up in logs: give them as a header');
  if (protocol !== 'http:' && protocol !== 'https:')
    return issue(`${shown(protocol.slice(0, -1))} is not http or https`);
  if (!hostname) issue('names no host');
  if (port === '0') issue('port 0 is not from 1 to 65535');
});

const address = plainText(300).refine((text) => parseAddress(text) !== undefined, {
  error: ({ input }) =>
    /@|\/\//.test(String(input))
      ? 'is no address: give host:port, without a scheme or credentials'
      : `${shown(input)} is no address: give host:port, the port from 1 to 65535`,
});

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** What the connection itself depends on. `host` may be set: a virtual host behind an address. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'expect',
  'te',
]);

const headers = z.record(z.string(), z.string()).superRefine((given, context) => {
  const issue = (name: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [name.replace(/[^\x21-\x7e]/g, '?').slice(0, 64)], message });
  if (Object.keys(given).length > 32) context.addIssue({ code: 'custom', message: 'more than 32' });
  for (const [name, value] of Object.entries(given)) {
    if (!HEADER_NAME.test(name)) issue(name, 'is no name of a header');
    else if (OWN_HEADERS.has(name.toLowerCase())) issue(name, 'is set by the connection itself');
    // A value may be a secret: it is never shown.
    else if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      issue(name, 'its value holds a line break or another character that no header may');
    else if (value.length > 8_000) issue(name, 'its value is longer than 8000 characters');
  }
});

const statusRange = z.union([z.string(), z.number()]).transform((value, context) => {
  const [from = NaN, to = from, ...rest] = String(value)
    .split('-')
    .map((part) => (/^\d{3}$/.test(part) ? Number(part) : NaN));
  if (rest.length === 0 && from >= 100 && from <= to && to <= 599) return String(value);
  context.addIssue({
    code: 'custom',
    message: `${shown(value)} is no status or range of them: give 200 or 200-299, from 100 to 599`,
  });
  return z.NEVER;
});

const tlsExpectation = z.strictObject({
  verify: z.boolean().default(true),
  minDays: count(0, 3_650).optional(),
});

/** What is kept with each check, and read with each. */
const LONGEST_JSON = 16 * 1024;

const limited = <T extends z.ZodType>(value: T) =>
  value.refine((given) => JSON.stringify(given).length <= LONGEST_JSON, {
    error: `longer than ${LONGEST_JSON} characters as JSON`,
  });

const json = z
  .array(
    z.strictObject({
      pointer: plainText(500).refine(isJsonPointer, {
        error: ({ input }) => `${shown(input)} is no JSON Pointer: begin each part with "/", such as /status`,
      }),
      equals: limited(z.json()),
    }),
  )
  .max(20, 'more than 20');

const endpoint = plainText(63, 1);

const probe = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('http'),
      url: url.optional(),
      endpoint: endpoint.optional(),
      path: plainText(2_000)
        .refine((text) => text.startsWith('/') && !/[\s#]/.test(text), {
          error: ({ input }) => `${shown(input)} is no path: begin with "/", without spaces`,
        })
        .optional(),
      method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS']).default('GET'),
      headers: headers.default({}),
      body: plainText(64 * 1024).optional(),
      status: z.array(statusRange).min(1, 'give at least one').max(20, 'more than 20').default(['200-299']),
      bodyContains: plainText(1_000, 1).optional(),
      json: json.default([]),
      redirects: count(0, 10).default(5),
      tls: tlsExpectation.default({ verify: true }),
      maxBytes: count(1, 16 * 1024 * 1024).default(1024 * 1024),
      degradedAbove: time(1, 60_000).optional(),
    }),
    z.strictObject({
      type: z.literal('tcp'),
      address: address.optional(),
      endpoint: endpoint.optional(),
      send: plainText(64 * 1024, 1).optional(),
      expect: plainText(1_000, 1).optional(),
    }),
    z.strictObject({
      type: z.literal('grpc'),
      address: address.optional(),
      endpoint: endpoint.optional(),
      service: plainText(200).default(''),
      tls: tlsExpectation.omit({ minDays: true }).optional(),
    }),
    z.strictObject({
      type: z.literal('command'),
      command: z.array(plainText(4_000)).min(1, 'give a program').max(100, 'more than 100'),
    }),
    z.strictObject({ type: z.literal('push'), grace: time(0, DAY).default(5_000) }),
    z.strictObject({
      type: z.literal('custom'),
      checker: plainText(100, 1),
      config: limited(z.record(z.string(), z.json())).default({}),
    }),
  ])
  .superRefine((given, context) => {
    const issue = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (given.type === 'http') {
      if (given.url !== undefined && (given.endpoint !== undefined || given.path !== undefined))
        issue('url', 'says it all: leave out endpoint and path');
      if (given.body !== undefined && given.method !== 'POST' && given.method !== 'PUT')
        issue('body', `is not sent with ${given.method}: use POST or PUT`);
      if (given.method === 'HEAD' && (given.bodyContains !== undefined || given.json.length > 0))
        issue('method', 'HEAD has no body to look at');
    }
    if (
      (given.type === 'tcp' || given.type === 'grpc') &&
      given.address !== undefined &&
      given.endpoint !== undefined
    )
      issue('address', 'says it all: leave out endpoint');
  });

/** What a check is like that says nothing else. A timeout of its own is 5 s, or the interval if that is shorter. */
export const HEALTH_CHECK_DEFAULTS = {
  interval: 10_000,
  failureThreshold: 3,
  successThreshold: 1,
  initialDelay: 0,
  startupGrace: 0,
  onUnhealthy: 'none',
  maxRestartsPerHour: 5,
} as const;

const schema = z.strictObject({
  name: checkName,
  probe,
  interval: time(1_000, DAY).default(HEALTH_CHECK_DEFAULTS.interval),
  timeout: time(10, 60_000).optional(),
  failureThreshold: count(1, 100).default(HEALTH_CHECK_DEFAULTS.failureThreshold),
  successThreshold: count(1, 100).default(HEALTH_CHECK_DEFAULTS.successThreshold),
  initialDelay: time(0, DAY).default(HEALTH_CHECK_DEFAULTS.initialDelay),
  startupGrace: time(0, DAY).default(HEALTH_CHECK_DEFAULTS.startupGrace),
  onUnhealthy: z.enum(['none', 'restart']).default(HEALTH_CHECK_DEFAULTS.onUnhealthy),
  maxRestartsPerHour: count(1, 60).default(HEALTH_CHECK_DEFAULTS.maxRestartsPerHour),
  enabled: z.boolean().default(true),
});

/** What the check belongs to, as far as it limits what it can be. */
export interface CheckPlace {
  /** Whether it belongs to an instance. */
  hasInstance: boolean;
  /** Names of the registered checkers. */
  checkers: readonly string[];
}

/** @throws InvalidInputError that names every field that cannot be */
export function parseHealthCheck(request: HealthCheckRequest, place: CheckPlace): HealthCheckSettings {
  const parsed = parseInput('health check', schema, request);
  const { probe, interval, timeout = Math.min(5_000, interval) } = parsed;
  const faults = [
    ...(timeout > interval ? [`timeout: ${timeout} ms is longer than the interval of ${interval} ms`] : []),
    ...hiddenIn(probe as Probe).map(
      (field) => `probe.${field}: ${HIDDEN} stands for a value that is not shown: give the value itself`,
    ),
    ...faultsOfPlace(probe as Probe, parsed.onUnhealthy, place),
  ];
  if (faults.length > 0) throw new InvalidInputError('health check', faults);
  return { ...parsed, probe: probe as Probe, timeout };
}

/** The check with some of it changed, checked as a whole. */
export function parseHealthCheckChange(
  check: HealthCheckSettings,
  change: HealthCheckChange,
  place: CheckPlace,
): HealthCheckSettings {
  const { name, probe, interval, timeout, failureThreshold, successThreshold, initialDelay } = check;
  const { startupGrace, onUnhealthy, maxRestartsPerHour, enabled } = check;
  const current = { name, probe, interval, timeout, failureThreshold, successThreshold, initialDelay };
  const rest = { startupGrace, onUnhealthy, maxRestartsPerHour, enabled };
  // A shorter interval shortens a timeout that was left as it was.
  const shorter = change.interval !== undefined && change.timeout === undefined ? { timeout: undefined } : {};
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const merged = { ...current, ...rest, ...shorter, ...given } as HealthCheckRequest;
  if (isProbe(change.probe)) merged.probe = withStoredSecrets(change.probe, probe) as never;
  return parseHealthCheck(merged, place);
}

/** As far as that its secrets can be looked for; the schema says what else is wrong with it. */
function isProbe(given: unknown): given is Probe {
  if (typeof given !== 'object' || given === null) return false;
  const { headers, config, url, type } = given as Record<string, unknown>;
  const isRecord = (value: unknown): boolean =>
    value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value));
  return (
    typeof type === 'string' &&
    isRecord(headers) &&
    isRecord(config) &&
    (url === undefined || typeof url === 'string')
  );
}

function faultsOfPlace(probe: Probe, onUnhealthy: string, { hasInstance, checkers }: CheckPlace): string[] {
  const faults: string[] = [];
  const ownTarget = {
    http: () => (probe as { url?: string }).url !== undefined,
    tcp: () => (probe as { address?: string }).address !== undefined,
    grpc: () => (probe as { address?: string }).address !== undefined,
    command: () => false,
    push: () => true,
    custom: () => true,
  }[probe.type]();
  if (!hasInstance && !ownTarget)
    faults.push(
      probe.type === 'command'
        ? 'probe.type: a command needs an instance to run in'
        : `probe.${probe.type === 'http' ? 'url' : 'address'}: is missing, as there is no instance whose endpoint it could be`,
    );
  if (!hasInstance && onUnhealthy === 'restart') faults.push('onUnhealthy: there is no instance to restart');
  if (probe.type === 'custom' && !checkers.includes(probe.checker))
    faults.push(
      `probe.checker: there is no checker ${shown(probe.checker)}; there ${checkers.length ? `are ${checkers.join(', ')}` : 'is none: mark a provider with @HealthChecker(name)'}`,
    );
  return faults;
}

export type { Probe };
