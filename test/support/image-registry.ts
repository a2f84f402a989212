import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

/** A registry of images on the loopback interface, which asks for a name and a password. */
export interface ImageRegistry {
  /** `host:port`, as images name it. */
  address: string;
  username: string;
  password: string;
  /** What it answers to a request for that path, in the place of the registry. */
  answer: (path: string) => { status: number; body: string } | undefined;
  stop(): Promise<void>;
}

export async function startImageRegistry(): Promise<ImageRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-registry-'));
  const inner = await freePort();
  const config = join(directory, 'config.yml');
  writeFileSync(
    config,
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${directory}/images } }
http: { addr: '127.0.0.1:${inner}', relativeurls: true }
`,
  );
  const child: ChildProcess = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const [username, password] = ['shop', 'hunter2-of-the-registry'];
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  // Its own check of passwords wants bcrypt, which nothing here makes.
  const registry: ImageRegistry = {
    address: '',
    username,
    password,
    answer: () => undefined,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
  const server = createServer((incoming, outgoing) => {
    if (incoming.headers.authorization !== wanted) {
      outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="test"' });
      return void outgoing.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
    }
    const own = registry.answer(incoming.url!);
    if (own) {
      outgoing.writeHead(own.status, { 'content-type': 'application/json' });
      return void outgoing.end(own.body);
    }
    const upstream = forward(
      { port: inner, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    return fetch(`http://127.0.0.1:${inner}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
  }, 60_000);
  registry.address = `127.0.0.1:${port}`;
  return registry;
}
