import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContainerDaemon, startDaemon } from '../../../../test/support/container-daemon.js';
import { freePort } from '../../../../test/support/free-port.js';
import { describeWith } from '../../../../test/support/needs.js';
import { ProviderUnavailableError } from '../provider.errors.js';
import { type DockerProviderOptions } from './docker-provider.options.js';
import { DockerProvider } from './docker.provider.js';

const LIMIT = 180_000;

// Podman 4.3 has no TLS.
describeWith('dockerd', 'DockerProvider at a daemon that wants TLS', () => {
  let directory: string;
  let daemon: ContainerDaemon;
  let port: number;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ctrlplane-tls-'));
    for (const authority of ['ca', 'another']) makeAuthority(authority);
    for (const name of ['server', 'client']) sign(name);
    port = await freePort();
    const certificates = { cacert: 'ca.pem', cert: 'server.pem', key: 'server.key' };
    daemon = await startDaemon('dockerd', {
      args: [
        ...Object.entries(certificates).flatMap(([key, file]) => [`--tls${key}`, join(directory, file)]),
        ...['--tlsverify', '--host', `tcp://127.0.0.1:${port}`],
      ],
    });
  }, LIMIT);
  afterAll(async () => {
    await daemon?.stop();
    rmSync(directory, { recursive: true });
  }, LIMIT);

  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const makeAuthority = (name: string) =>
    openssl(
      ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`],
    );
  const sign = (name: string) => {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
    openssl('req', ...newKey, '-subj', `/CN=${name}`, ...request);
    writeFileSync(
      join(directory, `${name}.ext`),
      `subjectAltName = IP:127.0.0.1\nextendedKeyUsage = ${name}Auth\n`,
    );
    openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    );
  };
  const pem = (file: string) => readFileSync(join(directory, file), 'utf8');
  const client = () => ({ cert: pem('client.pem'), key: pem('client.key') });
  const providerWith = (tls: DockerProviderOptions['tls']) =>
    new DockerProvider({ host: `tcp://127.0.0.1:${port}`, tls });

  it('calls it with the certificates of the options', async () => {
    const provider = providerWith({ ca: pem('ca.pem'), ...client() });
    await provider.healthCheck();
    expect(await provider.list()).toEqual([]);
  });

  it.each([
    ['no certificate', () => ({ ca: pem('ca.pem') })],
    ['an authority that is not its own', () => ({ ca: pem('another.pem'), ...client() })],
    ['no TLS', () => undefined],
  ])('says what is wrong, and which options help, with %s', async (_, tls) => {
    const provider = providerWith(tls());
    await expect(provider.healthCheck()).rejects.toThrow(ProviderUnavailableError);
    await expect(provider.list()).rejects.toThrow(ProviderUnavailableError);
    await expect(provider.list()).rejects.toThrow(/options `host` and `tls`/);
  });
});
