import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { type HttpChallengeStore } from '../../src/modules/certificates/challenges/http-challenge.store.js';
import { startChallengeServer } from './challenge-server.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

/** A running Caddy that issues certificates by ACME (`acme_server`), in a world in which every name leads to itself. */
export interface Caddy {
  directoryUrl: string;
  /** PEM of its root, which both its own TLS certificate and what it issues lead to. */
  root: string;
  /** `address:port` of the DNS server that it asks. */
  dnsServer: string;
  setTxt(name: string, value: string): Promise<void>;
  output(): string;
  stop(): Promise<void>;
}

/**
 * Caddy 2.6 asks the resolver of the system and port 80, and nothing else: so it runs in a mount namespace with a
 * `resolv.conf` of its own, which leads to a DNS server at an address of the loopback that nobody else uses. There the
 * challenges are answered as well. It takes root.
 */
export async function startCaddy(directory: string, challenges: HttpChallengeStore): Promise<Caddy> {
  const address = `127.${part()}.${part()}.${part()}`;
  const [acme, management] = await Promise.all([freePort(), freePort()]);
  const files = { config: join(directory, 'Caddyfile'), resolver: join(directory, 'resolv.conf') };
  const storage = join(directory, 'storage');
  await writeFile(files.resolver, `nameserver ${address}\n`);
  await writeFile(
    files.config,
    `{
      admin off
      skip_install_trust
      auto_https disable_redirects
      storage file_system ${storage}
    }
    https://localhost:${acme} {
      bind 127.0.0.1
      tls internal
      acme_server
    }`,
  );
  let output = '';
  const processes: ChildProcess[] = [];
  const start = (program: string, args: string[]): void => {
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH, HOME: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    processes.push(child);
  };
  const answers = await startChallengeServer(challenges, { host: address, port: 80 });
  const stop = async (): Promise<void> => {
    for (const child of processes.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await answers.stop();
  };
  const setTxt = async (name: string, value: string): Promise<void> => {
    const response = await request(`http://127.0.0.1:${management}/set-txt`, {
      method: 'POST',
      body: JSON.stringify({ host: `${name}.`, value }),
    });
    await response.body.dump();
  };
  try {
    start('pebble-challtestsrv', [
      ...['-defaultIPv4', address, '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
      ...['-dns01', `${address}:53`, '-management', `127.0.0.1:${management}`],
    ]);
    // `exec`, so that what is ended is Caddy itself.
    const script = 'mount --bind "$1" /etc/resolv.conf && exec caddy run --adapter caddyfile --config "$2"';
    start('unshare', ['--mount', 'sh', '-c', script, 'sh', files.resolver, files.config]);
    const directoryUrl = `https://localhost:${acme}/acme/local/directory`;
    const root = await eventually(
      () => readFile(join(storage, 'pki/authorities/local/root.crt'), 'utf8').catch(() => undefined),
      90_000,
    );
    const agent = new Agent({ connect: { ca: root } });
    await eventually(
      () =>
        request(directoryUrl, { dispatcher: agent }).then(
          async ({ statusCode, body }) => (await body.dump(), statusCode === 200),
          () => false,
        ),
      90_000,
    );
    await eventually(
      () =>
        setTxt('none.test', 'x').then(
          () => true,
          () => false,
        ),
      90_000,
    );
    await agent.close();
    return { directoryUrl, root, dnsServer: `${address}:53`, setTxt, output: () => output, stop };
  } catch (error) {
    await stop();
    throw new Error(`Caddy did not start: ${output}`, { cause: error });
  }
}

function part(): number {
  return 1 + Math.floor(Math.random() * 253);
}
