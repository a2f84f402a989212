import { z } from 'zod';
import { type Duration } from '../../../core/timing/duration.js';
import { count } from '../../input/count.js';
import { durationOption } from '../../input/duration.js';
import { name, parseInput, shown } from '../../input/input.js';

/** Options of `DockerProviderModule.forRoot` and of a `DockerProvider` made by hand. */
export interface DockerProviderOptions {
  /**
   * The daemon, as in `DOCKER_HOST`: `unix:///run/podman/podman.sock`, `tcp://10.0.0.7:2376`. Default what `DOCKER_HOST`
   * says, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`; else `unix:///var/run/docker.sock`.
   */
  host?: string | undefined;
  /** PEM. With `host: 'tcp://…'`: by what the daemon is known, and this client to it. */
  tls?: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined } | undefined;
  /** The name under which it is registered. Default `docker`. */
  name?: string | undefined;
  /**
   * Begins the name of every container and volume, and is a label of each: only those are seen and touched. Control planes
   * with a database of their own need one of their own at a daemon. Default `ctrlplane`.
   */
  namespace?: string | undefined;
  /** Network of instances whose spec names none. Default `bridge`. `host`: that of the daemon's host, without a border. */
  network?: string | undefined;
  /** Address at which ports are published. Default 127.0.0.1 for a daemon of this host, else all addresses of its host. */
  publishOn?: string | undefined;
  /** Host at which instances are reached. Default 127.0.0.1 for a daemon of this host, else the host of `host`. */
  reachAt?: string | undefined;
  /** Time between SIGTERM and SIGKILL, in whole seconds, rounded up. Default 5 s. */
  stopGrace?: Duration | undefined;
  /** When an image is pulled: at each start, where it is missing, or never. Default `missing`. */
  pull?: 'always' | 'missing' | 'never' | undefined;
  /** Credentials by registry, such as `registry.example.com:5000`; `docker.io` for Docker Hub. */
  registries?: Record<string, RegistryCredentials> | undefined;
  /** Told what a pull does, as it does it. */
  onPullProgress?: ((progress: PullProgress) => void) | undefined;
  /** Bytes above which the log of an instance is rotated by the daemon. Default 10 MiB. */
  logLimit?: number | undefined;
}

export interface RegistryCredentials {
  username: string;
  password: string;
}

/** One step of a pull, of one layer or of the whole. */
export interface PullProgress {
  image: string;
  /** In the daemon's words, such as `Downloading`. */
  status: string;
  /** Which layer. */
  layer?: string;
  currentBytes?: number;
  totalBytes?: number;
}

/** Where a daemon may be. */
export const DAEMON = /^(?:unix:\/\/\/.|(?:tcp|http|https):\/\/[^/])/;

const credentials = z.strictObject({ username: z.string().min(1), password: z.string().min(1) });

const schema = z.strictObject({
  host: z
    .string()
    .regex(DAEMON, {
      error: ({ input }) => `${shown(input)} is no daemon: use "unix:///…" or "tcp://host:port"`,
    })
    .optional(),
  tls: z
    .strictObject({ ca: z.string().optional(), cert: z.string().optional(), key: z.string().optional() })
    .optional(),
  name: name.default('docker'),
  namespace: name.default('ctrlplane'),
  network: z.string().min(1).default('bridge'),
  publishOn: z.string().min(1).optional(),
  reachAt: z.string().min(1).optional(),
  stopGrace: durationOption('5s'),
  pull: z.enum(['always', 'missing', 'never']).default('missing'),
  registries: z.record(z.string(), credentials).default({}),
  onPullProgress: z
    .custom<(progress: PullProgress) => void>((value) => typeof value === 'function')
    .optional(),
  logLimit: count(1_024).default(10 * 1024 * 1024),
});

export type DockerProviderSettings = z.output<typeof schema>;

/** @throws InvalidInputError that names every option that cannot be; never a value of `registries` or `tls` */
export function dockerProviderSettings(options: DockerProviderOptions): DockerProviderSettings {
  return parseInput('docker provider option', schema, options);
}
