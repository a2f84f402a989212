import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppProcess } from '../support/app-process.js';
import { embeddedDatabase, query } from '../support/query.js';

const TOKEN = 'token-of-the-soak-test';

/** Milliseconds for the app to answer, also when its database has just been killed. */
const ANSWERS_WITHIN = 120_000;

/** The reference app, with a fleet that grows and shrinks. */
export class SoakedApp {
  /** Whether its process has ended. */
  ended = false;

  private constructor(
    readonly app: AppProcess,
    private readonly checkout: string,
    private readonly directory: string,
    private readonly fleet: string,
  ) {
    void app.exit.then(() => (this.ended = true));
  }

  static async start(checkout: string, directory: string): Promise<SoakedApp> {
    const fleet = join(directory, 'fleet.yaml');
    await writeFile(fleet, fleetOf(checkout, 4));
    const app = new AppProcess({
      command: [process.execPath, 'dist/main.js'],
      cwd: checkout,
      env: environment(directory, fleet),
    });
    const soaked = new SoakedApp(app, checkout, directory, fleet);
    try {
      await app.url();
    } catch (error) {
      await soaked.end();
      throw error;
    }
    return soaked;
  }

  databaseUrl(): Promise<string> {
    return embeddedDatabase(join(this.directory, 'data'));
  }

  async query<Row extends Record<string, unknown>>(sql: string): Promise<Row[]> {
    return query<Row>(await this.databaseUrl(), sql);
  }

  get dataDirectory(): string {
    return join(this.directory, 'data');
  }

  /** As often as the app allows: every second. */
  async hurry(): Promise<void> {
    const { body: workers } = await this.app.get<{ name: string }[]>('/workers');
    for (const { name } of workers)
      await this.send(`/workers/${encodeURIComponent(name)}/reschedule`, { interval: '1s' });
  }

  /** @param replicas of its workload that changes */
  async apply(replicas: number): Promise<void> {
    await writeFile(this.fleet, fleetOf(this.checkout, replicas));
    await this.send(`/fleet/apply?path=${encodeURIComponent(this.fleet)}`);
  }

  /** @throws Error with the answer, when that is not 2xx */
  async send(path: string, body?: unknown): Promise<void> {
    const answer = await fetch((await this.app.url()) + path, {
      method: 'POST',
      signal: AbortSignal.timeout(ANSWERS_WITHIN),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
  }

  /**
   * Ends the app by SIGTERM, then its fleet.
   * @returns what went wrong, as sentences
   */
  async end(): Promise<string[]> {
    this.app.kill('SIGTERM');
    const { code, signal } = await this.app.exit;
    const down = new AppProcess({
      command: [process.execPath, 'dist/fleet-down.js'],
      cwd: this.checkout,
      env: environment(this.directory, this.fleet),
    });
    const downExit = await down.exit;
    return [
      ...(code === 0 ? [] : [`The app ended with ${code ?? signal}`]),
      ...(downExit.code === 0 ? [] : [`fleet:down ended with ${downExit.code}: ${down.output}`]),
    ];
  }
}

function environment(directory: string, fleet: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NO_COLOR: '1',
    PORT: '0',
    WORKERS_TOKEN: TOKEN,
    DATA_DIR: join(directory, 'data'),
    FLEET: fleet,
  };
}

/** @param replicas of the workload that changes */
function fleetOf(checkout: string, replicas: number): string {
  const server = {
    command: ['node', join(checkout, 'examples/fleet/http-server.mjs')],
    ports: [{ name: 'http', env: 'PORT' }],
  };
  const checks = [
    {
      name: 'alive',
      interval: '1s',
      timeout: '1s',
      failureThreshold: 2,
      onUnhealthy: 'restart',
      probe: { type: 'http', path: '/healthz' },
    },
  ];
  return JSON.stringify({
    garbageCollector: { interval: '1s', instanceGracePeriod: '2s' },
    tenants: [
      {
        name: 'acme',
        datacenters: [
          {
            name: 'main',
            bootstrap: [{ name: 'ingress', replicas: 1, services: [{ name: 'proxy', ...server }] }],
          },
        ],
        workloads: [
          { name: 'web', datacenter: 'main', replicas: 2, ...server, checks },
          { name: 'elastic', replicas, ...server },
          // Ends soon after each start, for ever.
          { name: 'broken', replicas: 1, command: ['sleep', '3'] },
        ],
      },
    ],
  });
}
