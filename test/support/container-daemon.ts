import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { eventually } from './eventually.js';
import { BUSYBOX } from './parts.js';

/** Milliseconds for a daemon to answer. */
const PATIENCE = 120_000;

/** The image that every daemon has: a static busybox, and nothing else. */
export const IMAGE = 'ctrlplane-busybox:latest';

const APPLETS = [
  ...['sh', 'sleep', 'echo', 'cat', 'env', 'pwd', 'true', 'kill', 'grep', 'ls', 'id', 'dd', 'touch', 'test'],
  ...['seq', 'yes', 'head', 'nc', 'httpd', 'wget', 'mkdir', 'rm', 'date', 'printf', 'usleep', 'tail'],
];

export type DaemonKind = 'podman' | 'dockerd';

/** A daemon of the tests' own: its data, its socket and its containers are in one directory. */
export interface ContainerDaemon {
  kind: DaemonKind;
  /** As an option `host`. */
  host: string;
  /** Path of its socket. */
  socket: string;
  directory: string;
  /** SIGKILL, as a crash is. What runs in Podman goes on; a daemon of Docker finds its containers again. */
  kill(): Promise<void>;
  /** Again, over the same data. */
  start(): Promise<void>;
  /** Ends it and all that it runs, and removes its data. */
  stop(): Promise<void>;
  /** What the Engine API answers. */
  call(
    method: string,
    path: string,
    body?: object | Buffer,
    headers?: Record<string, string>,
  ): Promise<{ status: number; text: string }>;
  /** Imports an image of these files, which are copied from the machine. */
  importImage(name: string, files: (root: string) => Promise<void> | void): Promise<void>;
  /** Lays down the files of an image with busybox. */
  busybox(root: string): Promise<void>;
  output(): string;
}

export interface DaemonOptions {
  /** `host:port` that it may reach without TLS. */
  insecureRegistry?: string;
  /** More arguments of dockerd. */
  args?: readonly string[];
  /** In which it has its directory. Default that of the machine for temporary files. */
  directory?: string;
}

export async function startDaemon(kind: DaemonKind, options: DaemonOptions = {}): Promise<ContainerDaemon> {
  const { directory: parent } = options;
  // Podman's own may have 50 characters in all.
  const directory = await mkdtemp(parent ? join(parent, 'd-') : join(tmpdir(), `ctrlplane-${kind}-`));
  const socket = join(directory, 'd.sock');
  const agent = new Agent({ connect: { socketPath: socket }, headersTimeout: 0, bodyTimeout: 0 });
  let child: ChildProcess | undefined;
  let containerd: ChildProcess | undefined;
  let output = '';

  const call: ContainerDaemon['call'] = async (method, path, body, headers = {}) => {
    const isTar = Buffer.isBuffer(body);
    const { statusCode, body: answer } = await request(`http://daemon${path}`, {
      method: method as 'GET',
      dispatcher: agent,
      headers: {
        ...headers,
        ...(body && { 'content-type': isTar ? 'application/x-tar' : 'application/json' }),
      },
      ...(body && { body: isTar ? body : JSON.stringify(body) }),
    });
    return { status: statusCode, text: await answer.text() };
  };
  const answers = () =>
    call('GET', '/_ping').then(
      ({ status }) => status === 200,
      () => false,
    );

  const start = async () => {
    if (kind === 'dockerd') containerd ??= await startContainerd(directory);
    const namespaceOf = containerd?.pid;
    const { program, args, env } = COMMANDS[kind](directory, socket, { ...options, namespaceOf });
    child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000)));
    const own = child;
    try {
      await eventually(async () => {
        if (own.exitCode !== null || own.signalCode !== null) throw new Error(`It ended: ${output}`);
        return answers();
      }, PATIENCE);
    } catch (error) {
      own.kill('SIGKILL');
      throw new Error(`${kind} did not start: ${output}`, { cause: error });
    }
  };
  const end = async (own: ChildProcess | undefined, signal: NodeJS.Signals) => {
    if (!own || own.exitCode !== null || own.signalCode !== null) return;
    const ended = once(own, 'exit');
    own.kill(signal);
    await ended;
    // What a daemon has started may outlive it, with these open: a cleanup after a container, `conmon`.
    own.stdout?.destroy();
    own.stderr?.destroy();
  };
  const importImage: ContainerDaemon['importImage'] = async (name, files) => {
    const root = await mkdtemp(join(directory, 'image-'));
    await files(root);
    const { stdout } = spawnSync('tar', ['-C', root, '-cf', '-', '.'], { maxBuffer: 64 * 1024 * 1024 });
    const { status, text } = await call('POST', `/images/create?fromSrc=-&repo=${name}`, stdout);
    if (status !== 200) throw new Error(`The image could not be imported: ${text}`);
  };
  const removeAll = async () => {
    const { text } = await call('GET', '/containers/json?all=1');
    for (const { Id } of JSON.parse(text) as { Id: string }[])
      await call('DELETE', `/containers/${Id}?force=1&v=1`);
  };
  const stop = async () => {
    try {
      if (!(await answers())) await start();
      await removeAll();
    } finally {
      await end(child, 'SIGTERM');
      await end(containerd, 'SIGTERM');
      await agent.close();
      endUnknown(directory);
      await rm(directory, { recursive: true, force: true, maxRetries: 10 });
    }
  };

  await start();
  const daemon: ContainerDaemon = {
    kind,
    host: `unix://${socket}`,
    socket,
    directory,
    kill: () => end(child, 'SIGKILL'),
    start,
    stop,
    call,
    importImage,
    busybox: layBusybox,
    output: () => output,
  };
  try {
    await importImage(IMAGE.split(':')[0]!, layBusybox);
  } catch (error) {
    await stop();
    throw error;
  }
  return daemon;
}

/**
 * Ends containers that a killed Podman was just starting, of which it knows nothing: each is the child of a `conmon`. Others of these
 * wait for seconds until they clean up after what is removed already.
 */
function endUnknown(directory: string): void {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // it has ended
    }
  };
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [program = '', ...args] = read(`/proc/${pid}/cmdline`).split('\0');
    if (!program.endsWith('conmon') || !args.some((arg) => arg.startsWith(`${directory}/`))) continue;
    const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
    for (const each of [...children, pid]) {
      try {
        process.kill(Number(each), 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  }
}

async function layBusybox(root: string): Promise<void> {
  for (const name of ['bin', 'etc', 'tmp', 'proc', 'dev']) mkdirSync(join(root, name));
  await cp(BUSYBOX, join(root, 'bin/busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
}

/**
 * containerd, which outlives its dockerd as it does under systemd, in a mount namespace of its own that dockerd joins: one
 * that dockerd starts itself waits so long for what a killed dockerd has left that dockerd gives it up.
 */
async function startContainerd(directory: string): Promise<ChildProcess> {
  const config = join(directory, 'containerd.toml');
  writeFileSync(
    config,
    `version = 2
root = "${directory}/containerd-root"
state = "${directory}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${containerdSocket(directory)}"
`,
  );
  const child = spawn('unshare', ['--mount', 'containerd', '--config', config], { stdio: 'ignore' });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`containerd ended with ${child.exitCode}`);
    return existsSync(containerdSocket(directory));
  }, PATIENCE);
  return child;
}

function containerdSocket(directory: string): string {
  return join(directory, 'c.sock');
}

interface Command {
  program: string;
  args: string[];
  env?: Record<string, string>;
}

type CommandOptions = DaemonOptions & { namespaceOf?: number | undefined };

const COMMANDS: Record<DaemonKind, (directory: string, socket: string, options: CommandOptions) => Command> =
  {
    podman: (directory, socket, { insecureRegistry }) => {
      const conf = join(directory, 'containers.conf');
      writeFileSync(
        conf,
        `[containers]
default_ulimits=["nofile=4096:4096","nproc=4096:4096"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
exit_command_delay=10
`,
      );
      const registries = join(directory, 'registries.conf');
      const insecure = insecureRegistry
        ? `[[registry]]\nlocation="${insecureRegistry}"\ninsecure=true\n`
        : '';
      writeFileSync(registries, insecure);
      return {
        program: 'podman',
        args: [
          ...['--root', join(directory, 'root'), '--runroot', join(directory, 'run')],
          ...['--tmpdir', join(directory, 'tmp'), '--storage-driver', 'vfs'],
          ...['system', 'service', '--time=0', `unix://${socket}`],
        ],
        env: { CONTAINERS_CONF: conf, CONTAINERS_REGISTRIES_CONF: registries },
      };
    },
    dockerd: (directory, socket, { insecureRegistry, namespaceOf, args = [] }) => ({
      program: 'nsenter',
      args: [
        ...[
          '--mount',
          '--target',
          `${namespaceOf}`,
          '/usr/sbin/dockerd',
          '--iptables=false',
          '--ip6tables=false',
          '--bridge=none',
        ],
        ...['--storage-driver', 'vfs', '--default-ulimit', 'nofile=4096:4096'],
        ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
        ...[
          '--containerd',
          containerdSocket(directory),
          '--pidfile',
          join(directory, 'pid'),
          '--host',
          `unix://${socket}`,
        ],
        ...(insecureRegistry ? ['--insecure-registry', insecureRegistry] : []),
        ...args,
      ],
    }),
  };
