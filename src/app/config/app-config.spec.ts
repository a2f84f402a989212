import { describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { generateToken, loadAppConfig, PACKAGE_ROOT } from './app-config.js';
import { AppConfigError } from './config.errors.js';

function errorOf(env: NodeJS.ProcessEnv): AppConfigError {
  try {
    loadAppConfig(env);
  } catch (error) {
    if (error instanceof AppConfigError) return error;
    throw error;
  }
  throw new Error('expected an AppConfigError');
}

describe('loadAppConfig', () => {
  it('needs nothing to be set, and finds the example fleet from any current directory', () => {
    const before = process.cwd();
    process.chdir('/');
    try {
      const config = loadAppConfig({});
      expect(config).toEqual({
        port: 3000,
        host: '127.0.0.1',
        allowedHosts: [],
        dataDir: undefined,
        databaseUrl: undefined,
        fleetFile: join(PACKAGE_ROOT, 'examples/fleet.yaml'),
        workersToken: undefined,
        drainTimeout: 10_000,
        provider: 'process',
        webhooks: [],
      });
      expect(existsSync(config.fleetFile)).toBe(true);
      expect(existsSync(join(PACKAGE_ROOT, 'package.json'))).toBe(true);
    } finally {
      process.chdir(before);
    }
  });

  it('takes what the environment says; relative paths start at the current directory', () => {
    expect(
      loadAppConfig({
        PORT: '0',
        DATA_DIR: 'state',
        DATABASE_URL: 'postgresql://app:p%40ss@db:5432/app?sslmode=require',
        FLEET: '/etc/fleet.yaml',
        WORKERS_TOKEN: 'abcdefghijklmnop',
        DRAIN_TIMEOUT: '1.5s',
        ALLOWED_HOSTS: 'workers.internal, cp',
        HOST: '0.0.0.0',
        PROVIDER: 'docker',
        DOCKER_NAMESPACE: 'shop',
        DOCKER_NETWORK: 'backend',
      }),
    ).toEqual({
      port: 0,
      host: '127.0.0.1',
      allowedHosts: ['workers.internal', 'cp'],
      dataDir: join(process.cwd(), 'state'),
      databaseUrl: 'postgresql://app:p%40ss@db:5432/app?sslmode=require',
      fleetFile: '/etc/fleet.yaml',
      workersToken: 'abcdefghijklmnop',
      drainTimeout: 1500,
      provider: 'docker',
      dockerNamespace: 'shop',
      dockerNetwork: 'backend',
      webhooks: [],
    });
  });

  it('counts a variable that is set to nothing as not set', () => {
    const empty = {
      PORT: '',
      DATA_DIR: '',
      DATABASE_URL: '',
      FLEET: '',
      WORKERS_TOKEN: '',
      DRAIN_TIMEOUT: '',
      ALLOWED_HOSTS: '',
      PROVIDER: '',
      DOCKER_NAMESPACE: '',
      DOCKER_NETWORK: '',
      WEBHOOKS: '',
      WEBHOOK_SECRET: '',
    };
    expect(loadAppConfig(empty)).toEqual(loadAppConfig({}));
  });

  it('takes a bare number as milliseconds of drain', () => {
    expect(loadAppConfig({ DRAIN_TIMEOUT: '2500' }).drainTimeout).toBe(2500);
  });

  it('lists every variable at fault, with its value and what to do', () => {
    const error = errorOf({
      PORT: '65536',
      DATA_DIR: ' ',
      FLEET: '\t',
      DRAIN_TIMEOUT: '5 bananas',
      WORKERS_TOKEN: 'x',
    });
    expect(error.problems.map(({ variable }) => variable).sort()).toEqual([
      'DATA_DIR',
      'DRAIN_TIMEOUT',
      'FLEET',
      'PORT',
      'WORKERS_TOKEN',
    ]);
    expect(error.message).toMatch(/^Cannot start with this environment:\n/);
    expect(error.message).toContain('  PORT is "65536": give a whole number from 0 to 65535\n');
    expect(error.message).toContain('  DATA_DIR is " ": give a path, or unset it\n');
    expect(error.message).toContain("  DRAIN_TIMEOUT is wrong: '5 bananas' is not a duration");
    expect(error.message).toContain('  WORKERS_TOKEN has 1 characters: give at least 16, or unset it');
  });

  it.each(['abc', '-1', '3000.5', '0x10', '1e3', ' 80', '123456', '٣'])('refuses the port %j', (PORT) => {
    expect(errorOf({ PORT }).message).toContain(`PORT is ${JSON.stringify(PORT)}: give a whole number`);
  });

  it.each([
    'postgres://localhost/app',
    'postgresql:///app?host=/var/run/postgresql',
    'POSTGRES://app@[::1]:5432/app',
  ])('takes the database %s', (DATABASE_URL) => {
    expect(loadAppConfig({ DATABASE_URL }).databaseUrl).toBe(DATABASE_URL);
  });

  it.each([
    ['mysql://app:hunter2@db/app', 'starts with mysql://: give postgres://user:password@host:5432/database'],
    ['host=db password=hunter2', 'is not a URL: give postgres://'],
    ['hunter2', 'is not a URL: give postgres://'],
    ['postgres:app:hunter2', 'is not a URL: give postgres://'],
    ['postgres://app:hunter2#x@db/app', 'is malformed: check host and port, and write characters such as'],
    ['postgres://app:hunter2%@db/app', 'is malformed: check host and port'],
    ['postgres://app:hunter2@db:99999/app', 'is malformed: check host and port'],
  ])('refuses the database %s and does not show the password', (DATABASE_URL, message) => {
    const error = errorOf({ DATABASE_URL });
    expect(error.message).toContain(`DATABASE_URL ${message}`);
    expect(error.message).not.toContain('hunter2');
  });

  it.each([
    ['too-short', 'has 9 characters: give at least 16'],
    ['long enough, but with spaces', 'has a space or a character outside ASCII'],
    ['long-enough-but-päßwörd', 'has a space or a character outside ASCII'],
  ])('refuses the token %j and does not show it', (WORKERS_TOKEN, message) => {
    const error = errorOf({ WORKERS_TOKEN });
    expect(error.message).toContain(`WORKERS_TOKEN ${message}`);
    expect(error.message).not.toContain(WORKERS_TOKEN);
  });
});

describe('webhooks', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

  it('are addresses by commas, signed with one secret but for those of Slack', () => {
    const { webhooks } = loadAppConfig({
      WEBHOOKS:
        ' https://ops.example.com/a, https://hooks.slack.com/services/T/B/one,https://hooks.slack.com/services/T/B/two,',
      WEBHOOK_SECRET: secret,
    });
    expect(webhooks).toEqual([
      { url: 'https://ops.example.com/a', secret },
      { url: 'https://hooks.slack.com/services/T/B/one' },
      { url: 'https://hooks.slack.com/services/T/B/two', name: 'hooks.slack.com 2' },
    ]);
  });

  it.each([
    [
      'ops.example.com/hunter2',
      secret,
      'WEBHOOKS has at place 1 what cannot be: url is no address: give https://…',
    ],
    [
      'https://hooks.slack.com/x,https://a:hunter2@b.example',
      secret,
      'WEBHOOKS has at place 2 what cannot be: url holds a password',
    ],
    [
      'https://ops.example.com/hunter2',
      undefined,
      'WEBHOOK_SECRET is missing: what is sent is signed; node -p',
    ],
    [
      'https://ops.example.com/a',
      'hunter2',
      'WEBHOOK_SECRET is not whsec_ and 24 to 64 bytes in base64; node -p',
    ],
    [undefined, secret, 'WEBHOOK_SECRET signs nothing, as WEBHOOKS is not set'],
  ])('are refused without being shown: %s', (WEBHOOKS, WEBHOOK_SECRET, message) => {
    const { message: said } = errorOf({ WEBHOOKS, WEBHOOK_SECRET });
    expect(said).toContain(message);
    expect(said).not.toContain('hunter2');
    expect(said).not.toContain(secret);
  });
});

describe('generateToken', () => {
  it('makes a new token each time, one that the configuration would accept', () => {
    const [one, other] = [generateToken(), generateToken()];
    expect(one).not.toBe(other);
    expect(loadAppConfig({ WORKERS_TOKEN: one }).workersToken).toBe(one);
  });
});
