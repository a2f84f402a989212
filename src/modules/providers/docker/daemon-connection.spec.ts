import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidInputError } from '../../input/input.errors.js';
import { connectionOf } from './daemon-connection.js';

describe('the connection to a daemon', () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ctrlplane-cert-path-'));
    for (const file of ['ca', 'cert', 'key']) writeFileSync(join(directory, `${file}.pem`), `the ${file}`);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it.each([
    [{ DOCKER_HOST: 'unix:///run/podman/podman.sock' }, { socketPath: '/run/podman/podman.sock' }],
    [{ DOCKER_HOST: 'tcp://10.0.0.7' }, { protocol: 'http', host: '10.0.0.7', port: 2375 }],
    [{ DOCKER_HOST: 'tcp://10.0.0.7:99' }, { protocol: 'http', host: '10.0.0.7', port: '99' }],
    [{ DOCKER_HOST: 'tcp://10.0.0.7:2376' }, { protocol: 'https', port: '2376' }],
    [{ DOCKER_HOST: 'https://d.example.com' }, { protocol: 'https', host: 'd.example.com', port: 2376 }],
    [
      { DOCKER_HOST: 'tcp://10.0.0.7', DOCKER_TLS_VERIFY: 'yes' },
      { protocol: 'https', port: 2376 },
    ],
  ])('is made as variables say: %j', (env, expected) => {
    expect(connectionOf({ host: undefined, tls: undefined }, env)).toMatchObject(expected);
  });

  it('takes the certificates of the directory that a variable names', () => {
    const env = { DOCKER_HOST: 'tcp://10.0.0.7', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    const certificates = { ca: 'the ca', cert: 'the cert', key: 'the key' };
    expect(connectionOf({ host: undefined, tls: undefined }, env)).toMatchObject(certificates);
  });

  it('names each file of it that cannot be read', () => {
    const env = { DOCKER_HOST: 'tcp://10.0.0.7', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' };
    const made = () => connectionOf({ host: undefined, tls: undefined }, env);
    expect(made).toThrow(InvalidInputError);
    expect(made).toThrow(
      /\/nowhere\/ca\.pem of .*\/nowhere\/cert\.pem of .*\/nowhere\/key\.pem of DOCKER_CERT_PATH/,
    );
  });

  it('has nothing of the variables when an option says where the daemon is', () => {
    const env = { DOCKER_HOST: 'tcp://10.0.0.7', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory };
    expect(connectionOf({ host: 'tcp://10.0.0.8', tls: undefined }, env)).toEqual({
      ...{ ca: undefined, cert: undefined, key: undefined, protocol: 'http', host: '10.0.0.8', port: 2375 },
    });
    const tls = { ca: 'another' };
    expect(connectionOf({ host: 'tcp://10.0.0.8', tls }, env)).toMatchObject({
      ...{ ca: 'another', cert: undefined, protocol: 'https', port: 2376 },
    });
  });

  it('is left to dockerode where nothing says it', () => {
    expect(connectionOf({ host: undefined, tls: undefined }, {})).toEqual({});
    expect(connectionOf({ host: undefined, tls: undefined }, { DOCKER_HOST: 'ssh://me@10.0.0.7' })).toEqual(
      {},
    );
  });
});
