import type Docker from 'dockerode';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidInputError } from '../../input/input.errors.js';
import { type DockerProviderSettings } from './docker-provider.options.js';

type Certificates = NonNullable<DockerProviderSettings['tls']>;

const URL_OF_DAEMON = /^(?:unix:\/\/.|(?:tcp|https?):\/\/)/;

const FILES = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' } as const;

/**
 * How the daemon is reached: as the options say, which are not mixed with variables of the environment; without `host`, as
 * DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say, as the command `docker` understands them. dockerode takes
 * `https://` for no TLS, and each DOCKER_TLS_VERIFY but `1`.
 * @throws InvalidInputError when a certificate cannot be read
 */
export function connectionOf(
  { host, tls }: Pick<DockerProviderSettings, 'host' | 'tls'>,
  env: NodeJS.ProcessEnv = process.env,
): Docker.DockerOptions {
  const address = host ?? env.DOCKER_HOST ?? '';
  // Where the socket is without an address, and what else there is, dockerode knows.
  if (!URL_OF_DAEMON.test(address)) return { ...tls };
  const others = { ca: undefined, cert: undefined, key: undefined };
  if (address.startsWith('unix://'))
    return { ...others, host: undefined, socketPath: address.slice('unix://'.length) };
  const url = new URL(address.replace(/^tcp:/, 'http:'));
  const asVariablesSay = host === undefined && (Boolean(env.DOCKER_TLS_VERIFY) || url.port === '2376');
  const isSecure = tls !== undefined || asVariablesSay || url.protocol === 'https:';
  const directory = host === undefined && isSecure ? env.DOCKER_CERT_PATH : undefined;
  return {
    ...others,
    ...(directory && certificatesIn(directory)),
    ...tls,
    protocol: isSecure ? 'https' : 'http',
    host: url.hostname,
    port: url.port || (isSecure ? 2376 : 2375),
  };
}

function certificatesIn(directory: string): Certificates {
  const faults: string[] = [];
  const read = (file: string): string | undefined => {
    try {
      return readFileSync(join(directory, file), 'utf8');
    } catch (error) {
      faults.push(
        `${join(directory, file)} of DOCKER_CERT_PATH cannot be read (${(error as Error).message})`,
      );
      return undefined;
    }
  };
  const certificates = { ca: read(FILES.ca), cert: read(FILES.cert), key: read(FILES.key) };
  if (faults.length) throw new InvalidInputError('docker provider option', faults);
  return certificates;
}
