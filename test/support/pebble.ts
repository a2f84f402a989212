import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { testTlsCertificate } from './tls-server-certificate.js';

/** Milliseconds for both to start. */
const PATIENCE = 90_000;

export interface PebbleOptions {
  /** Empty, for its configuration. */
  directory: string;
  /** Where it looks for answers to HTTP-01. */
  httpPort: number;
  /** Percentage of nonces that it rejects. Default 5. */
  nonceReject?: number;
  /** Seconds that its certificates are valid. Default five years. */
  validity?: number;
  externalAccounts?: Record<string, string>;
}

/** A running Pebble with its DNS server, in which every name leads to 127.0.0.1. */
export interface Pebble {
  directoryUrl: string;
  /** PEM of what its own TLS certificate comes from. */
  trust: string;
  /** `127.0.0.1:port` of the DNS server. */
  dnsServer: string;
  /** PEM of the root that its certificates lead to, newly made at each start. */
  root(): Promise<string>;
  /** Sets something in the DNS: `set-txt`, `clear-txt`, `add-a`, `set-cname`, `add-caa`, `set-servfail`, ... */
  dns(action: string, body: Record<string, unknown>): Promise<void>;
  output(): string;
  /** Freezes both processes, as an outage does. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function startPebble({
  directory,
  httpPort,
  nonceReject = 5,
  validity,
  externalAccounts,
}: PebbleOptions): Promise<Pebble> {
  const [acme, management, dns, dnsManagement, tls] = await Promise.all(
    Array.from({ length: 5 }, () => freePort()),
  );
  const { certificate, privateKey, root } = await testTlsCertificate(['localhost', '127.0.0.1']);
  const files = { certificate: join(directory, 'cert.pem'), privateKey: join(directory, 'key.pem') };
  await writeFile(files.certificate, certificate);
  await writeFile(files.privateKey, privateKey);
  const config = join(directory, 'pebble.json');
  const pebble = {
    listenAddress: `127.0.0.1:${acme}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: files.certificate,
    privateKey: files.privateKey,
    httpPort,
    tlsPort: tls,
    ocspResponderURL: '',
    externalAccountBindingRequired: externalAccounts !== undefined,
    ...(externalAccounts && { externalAccountMACKeys: externalAccounts }),
    domainBlocklist: ['blocked-domain.example'],
    ...(validity && { certificateValidityPeriod: validity }),
  };
  await writeFile(config, JSON.stringify({ pebble }));
  const agent = new Agent({ connect: { ca: root } });
  let output = '';
  const processes: ChildProcess[] = [];
  const start = (program: string, args: string[], env: Record<string, string> = {}): void => {
    const child = spawn(program, args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    processes.push(child);
  };
  const stop = async (): Promise<void> => {
    for (const child of processes.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    if (!agent.closed) await agent.close();
  };
  const post = async (action: string, body: Record<string, unknown>): Promise<void> => {
    const response = await request(`http://127.0.0.1:${dnsManagement}/${action}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    await response.body.dump();
    if (response.statusCode !== 200) throw new Error(`${action}: ${response.statusCode}`);
  };
  try {
    start('pebble-challtestsrv', [
      ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
      ...['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`],
    ]);
    start('pebble', ['-config', config, '-dnsserver', `127.0.0.1:${dns}`], {
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(nonceReject),
      PEBBLE_AUTHZREUSE: '0',
    });
    const directoryUrl = `https://localhost:${acme}/dir`;
    const text = async (url: string) => {
      const response = await request(url, { dispatcher: agent });
      return response.body.text();
    };
    const answers = (url: string) => text(url).then(Boolean, () => false);
    // It makes its CA's keys first: seconds, where others keep the machine busy.
    await eventually(() => answers(directoryUrl), PATIENCE);
    await eventually(
      () =>
        post('clear-txt', { host: 'none.test.' }).then(
          () => true,
          () => false,
        ),
      PATIENCE,
    );
    return {
      directoryUrl,
      trust: root,
      dnsServer: `127.0.0.1:${dns}`,
      root: () => text(`https://localhost:${management}/roots/0`),
      dns: post,
      output: () => output,
      pause: () => processes.forEach((child) => child.kill('SIGSTOP')),
      resume: () => processes.forEach((child) => child.kill('SIGCONT')),
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`Pebble did not start: ${output}`, { cause: error });
  }
}
