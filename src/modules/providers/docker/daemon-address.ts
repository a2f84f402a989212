import { LOOPBACK } from '../port-allocator.js';
import { type DockerProviderSettings } from './docker-provider.options.js';

/** Where a daemon is, and where what it runs is reached. */
export interface DaemonAddress {
  shown: string;
  /** Its host is this one. */
  isLocal: boolean;
  /** Address at which ports are published. */
  publishOn: string;
  /** Host at which they are reached. */
  reachAt: string;
}

export function addressOf({
  host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock',
  publishOn,
  reachAt,
}: Pick<DockerProviderSettings, 'host' | 'publishOn' | 'reachAt'>): DaemonAddress {
  const name = /^unix:|^\//.test(host) ? LOOPBACK : hostnameOf(host);
  const isLocal = /^127\.|^localhost$|^\[::1\]$/.test(name);
  return {
    shown: host,
    isLocal,
    publishOn: publishOn ?? (isLocal ? LOOPBACK : '0.0.0.0'),
    reachAt: reachAt ?? (isLocal ? LOOPBACK : name),
  };
}

function hostnameOf(host: string): string {
  const address = host.replace(/^[a-z]+:/, 'http:');
  return URL.canParse(address) ? new URL(address).hostname : host;
}
