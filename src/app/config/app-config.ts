import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseDuration } from '../../core/timing/duration.js';
import { type WebhookOptions } from '../../core/incidents/webhooks/webhook.js';
import { AppConfigError } from './config.errors.js';
import { name } from '../../modules/input/input.js';
import { PROVIDERS, type ProviderName } from '../fleet/fleet-program.js';
import { webhooksOf } from './webhooks.js';
import { visible } from '../../core/text/visible.js';

/** All that the reference app takes from its environment. */
export interface AppConfig {
  /** `PORT`, 0 to 65535, default 3000; 0 lets the system choose. */
  port: number;
  /** Always 127.0.0.1: the app's reads are open, so it must not be reachable from elsewhere. */
  host: '127.0.0.1';
  /** `ALLOWED_HOSTS`, separated by commas: names beside `localhost` that requests may ask for. */
  allowedHosts: string[];
  /** `DATA_DIR`, absolute: the embedded database, the instances. Without it `defaultDataDirectory(PACKAGE_ROOT)`. */
  dataDir?: string;
  /** `DATABASE_URL`. Without it PostgreSQL is run from the data directory. A secret: it may hold a password. */
  databaseUrl?: string;
  /** `FLEET`, absolute. Default `examples/fleet.yaml` in the package. */
  fleetFile: string;
  /** `WORKERS_TOKEN`, which writes need. Without it the app makes one at every start. A secret. */
  workersToken?: string;
  /** `DRAIN_TIMEOUT`, milliseconds that a run in flight gets at shutdown. Default 10 s. */
  drainTimeout: number;
  /**
   * `INSTANCE_USERS`: `own` gives each instance a user of its own, which takes root; `same` is the app's. By default
   * as root `own`, where the fleet's programs are open to other users, else `same`.
   */
  instanceUsers?: 'own' | 'same';
  /** `PROVIDER`: who runs what the fleet file says nothing of, `process` or `docker`. Default `process`. */
  provider: ProviderName;
  /** `DOCKER_NAMESPACE`: begins the names of this app's containers. Default one that is kept in the data directory. */
  dockerNamespace?: string;
  /** `DOCKER_NETWORK`, of containers whose spec names none. Default `bridge`. */
  dockerNetwork?: string;
  /** `WEBHOOKS`, by commas: who is told of incidents. Default nobody. Secrets: that of Slack is in its path. */
  webhooks: WebhookOptions[];
}

/** Absolute. Three folders up from here, both in `src` and in `dist`. */
export const PACKAGE_ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

/** Shorter ones can be guessed over a network. */
const MIN_TOKEN_LENGTH = 16;

/**
 * The configuration that the environment asks for. A variable that is set to nothing (`PORT=`) counts as not
 * set; relative paths start at the current directory.
 * @throws AppConfigError that lists every variable at fault
 */
export function loadAppConfig(env: NodeJS.ProcessEnv = process.env): AppConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const checked = environment.safeParse(given);
  if (!checked.success) {
    throw new AppConfigError(
      checked.error.issues.map(({ path, message }) => ({ variable: String(path[0]), message })),
    );
  }
  const webhooks = webhooksOf(checked.data.WEBHOOKS, checked.data.WEBHOOK_SECRET);
  const { PORT, ALLOWED_HOSTS, DATA_DIR, DATABASE_URL, FLEET, WORKERS_TOKEN, DRAIN_TIMEOUT } = checked.data;
  const { INSTANCE_USERS, PROVIDER, DOCKER_NAMESPACE, DOCKER_NETWORK } = checked.data;
  return {
    port: PORT,
    host: '127.0.0.1',
    allowedHosts: ALLOWED_HOSTS,
    dataDir: DATA_DIR,
    databaseUrl: DATABASE_URL,
    fleetFile: FLEET,
    workersToken: WORKERS_TOKEN,
    drainTimeout: DRAIN_TIMEOUT,
    instanceUsers: INSTANCE_USERS,
    provider: PROVIDER,
    dockerNamespace: DOCKER_NAMESPACE,
    dockerNetwork: DOCKER_NETWORK,
    webhooks,
  };
}

/** A token for a start that was given none: 32 random bytes, fit for a header and a URL. */
export function generateToken(): string {
  return randomBytes(32).toString('base64url');
}

const port = z
  .string()
  .refine((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, {
    error: ({ input }) => `is ${shown(input)}: give a whole number from 0 to 65535`,
  })
  .transform(Number);

const hosts = z.string().transform((text, context) => {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(name));
  if (wrong === undefined) return names;
  context.addIssue(
    `has ${shown(wrong)}: give names without port or path, separated by commas, such as workers.internal`,
  );
  return z.NEVER;
});

const path = z
  .string()
  .refine((text) => text.trim() !== '' && !text.includes('\0'), {
    error: ({ input }) => `is ${shown(input)}: give a path, or unset it`,
  })
  .transform((text) => resolve(text));

const databaseUrl = z.string().superRefine((text, context) => {
  // Nothing but the scheme is ever shown: what is malformed may be a password in any place.
  const scheme = /^[a-z][a-z0-9+.-]*(?=:\/\/)/i.exec(text)?.[0];
  if (!scheme || !['postgres', 'postgresql'].includes(scheme.toLowerCase())) {
    const found = scheme ? `starts with ${scheme.slice(0, 20)}://` : 'is not a URL';
    context.addIssue(`${found}: give postgres://user:password@host:5432/database, or unset it`);
  } else if (!isDecodable(text)) {
    context.addIssue(
      'is malformed: check host and port, and write characters such as @ : / # % in user and password as %40 %3A %2F %23 %25',
    );
  }
});

/** Spaces would be lost in a header, and what is not ASCII arrives as something else. */
const token = z
  .string()
  .min(MIN_TOKEN_LENGTH, {
    error: ({ input }) =>
      `has ${String(input).length} characters: give at least ${MIN_TOKEN_LENGTH}, or unset it`,
  })
  .regex(
    /^[\x21-\x7e]*$/,
    'has a space or a character outside ASCII: give letters, digits and punctuation only',
  );

const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  } catch (error) {
    context.addIssue(`is wrong: ${(error as Error).message}`);
    return z.NEVER;
  }
});

const environment = z.object({
  PORT: port.default(3000),
  ALLOWED_HOSTS: hosts.default([]),
  DATA_DIR: path.optional(),
  DATABASE_URL: databaseUrl.optional(),
  FLEET: path.default(resolve(PACKAGE_ROOT, 'examples/fleet.yaml')),
  WORKERS_TOKEN: token.optional(),
  DRAIN_TIMEOUT: duration.default(10_000),
  INSTANCE_USERS: z
    .enum(['own', 'same'], { error: ({ input }) => `is ${shown(input)}: give own or same, or unset it` })
    .optional(),
  PROVIDER: z
    .enum(PROVIDERS, { error: ({ input }) => `is ${shown(input)}: give process or docker, or unset it` })
    .default('process'),
  DOCKER_NAMESPACE: z.string().pipe(name).optional(),
  DOCKER_NETWORK: z.string().trim().min(1, 'is empty: give the name of a network, or unset it').optional(),
  WEBHOOKS: z.string().optional(),
  WEBHOOK_SECRET: z.string().optional(),
});

/** Whether the driver will read it as it stands: it decodes user, password and database, and throws on a bare %. */
function isDecodable(url: string): boolean {
  try {
    const { username, password, pathname } = new URL(url);
    [username, password, pathname].forEach(decodeURIComponent);
    return true;
  } catch {
    return false;
  }
}

function shown(value: unknown): string {
  return visible(JSON.stringify(String(value).slice(0, 64)));
}
