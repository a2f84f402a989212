import dns, { type LookupAddress } from 'node:dns';
import net, { isIP, type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import { type EgressPolicy } from './egress-policy.js';
import { startTimer, type Timer } from '../../core/timing/timer.js';

/** All addresses of a name. Rejects with the errors of `node:dns`. */
export type Resolve = (host: string) => Promise<LookupAddress[]>;

/** What the operating system says: hosts file, search domains. Each look-up occupies one of libuv's few threads. */
export const resolveBySystem: Resolve = (host) => dns.promises.lookup(host, { all: true });

/** Asks these servers (`10.0.0.2`, `[::1]:5353`) and nothing else: no hosts file, no thread. */
export function resolveBy(servers: readonly string[], timeout = 2_000): Resolve {
  const resolver = new dns.promises.Resolver({ timeout, tries: 2 });
  resolver.setServers(servers);
  return async (host) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = [
      ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
      ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (found.length === 0) throw (four as PromiseRejectedResult).reason;
    return found;
  };
}

/** As much of an `AbortSignal` as is needed here. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What a connection goes through on its way, for whoever measures it. */
export type DialStep = 'resolved' | 'connected' | 'secured';

export interface DialOptions {
  host: string;
  port: number;
  policy: EgressPolicy;
  /** Default `resolveBySystem`. */
  resolve?: Resolve | undefined;
  /** Speaks TLS; a certificate that does not hold is the caller's to judge (`authorizationError`). */
  tls?: { servername: string; alpn?: string[] | undefined } | undefined;
  signal: Signal;
  onStep?: ((step: DialStep) => void) | undefined;
}

export interface Connection {
  /** What to read from and write to. */
  readonly socket: Socket | TLSSocket;
  /**
   * Ends it by a reset: nothing is left in TIME_WAIT, which exhausts the ports of who dials one target over and over.
   * Below TLS it is closed as usual, as Node cannot do it.
   */
  reset(): void;
}

/**
 * Opens a connection to a target that somebody else has named. The policy judges the very address that is connected to:
 * the name is resolved here, once, and the socket gets the address.
 *
 * Addresses are tried in their order, each with a head start before the next, until one answers. When none does, what
 * the target did is told before what this machine could not do: a name with an IPv6 address is asked from machines
 * without IPv6 as well.
 * @throws EgressDeniedError, the errors of `node:dns` and `node:net`, the signal's reason
 */
export async function dial(options: DialOptions): Promise<Connection> {
  const { host, port, signal, onStep } = options;
  const found = literal(options) ?? (await lookedUp(options));
  onStep?.('resolved');
  for (let left = found.map(({ address }) => address); ;) {
    signal.throwIfAborted();
    const { socket: raw, address } =
      left.length === 1
        ? { socket: await connect(left[0]!, port, signal), address: left[0]! }
        : await connectAny(left, port, signal);
    onStep?.('connected');
    if (!options.tls)
      return {
        socket: raw,
        // Of a closed socket Node makes an error first, whose stack costs as much as a whole TCP probe's JavaScript.
        reset: () => void (raw.destroyed || raw.resetAndDestroy()),
      };
    try {
      const secured = await secure(raw, host, options.tls, signal);
      onStep?.('secured');
      // Node 20 ends with a segmentation fault when the socket below TLS is reset.
      return { socket: secured, reset: () => void secured.destroy() };
    } catch (error) {
      signal.throwIfAborted();
      left = left.filter((other) => other !== address);
      if (left.length === 0) throw error;
    }
  }
}

/** @throws EgressDeniedError, the errors of `node:dns`, the signal's reason */
export async function addressesOf(target: Omit<DialOptions, 'port'>): Promise<LookupAddress[]> {
  return literal(target) ?? lookedUp(target);
}

/** The host where it is an address itself. @throws EgressDeniedError */
function literal({ host, policy }: Pick<DialOptions, 'host' | 'policy'>): LookupAddress[] | undefined {
  const address = withoutBrackets(host);
  const family = isIP(address);
  if (family === 0) return undefined;
  policy.check(address);
  return [{ address, family }];
}

async function lookedUp({
  host,
  policy,
  resolve = resolveBySystem,
  signal,
}: Omit<DialOptions, 'port'>): Promise<LookupAddress[]> {
  const name = withoutBrackets(host);
  const found = await abortable(resolve(name), signal);
  if (found.length === 0) throw Object.assign(new Error(`${name} has no address`), { code: 'ENODATA' });
  return policy.permitted(name, found);
}

const withoutBrackets = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host);

/** How long an address may be silent before the next one is tried beside it (RFC 8305, 5). Milliseconds. */
const HEAD_START = 250;

/** This machine has no way there. */
const NO_WAY = new Set(['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** The first connection that one of several addresses takes. @throws the most telling of their errors; the signal's reason */
function connectAny(
  addresses: readonly string[],
  port: number,
  signal: Signal,
): Promise<{ socket: Socket; address: string }> {
  return new Promise((resolve, reject) => {
    const losers = new AbortController();
    const failures: unknown[] = [];
    let [next, timer]: [number, Timer?] = [0];
    const end = (settle: () => void): void => {
      timer?.cancel();
      next = addresses.length;
      signal.removeEventListener('abort', abort);
      settle();
      losers.abort(new Error('another address has answered'));
    };
    const abort = (): void => end(() => reject(signal.reason as Error));
    const begin = (): void => {
      timer?.cancel();
      const address = addresses[next++];
      if (address === undefined) return;
      if (next < addresses.length) timer = startTimer(begin, HEAD_START);
      connect(address, port, losers.signal).then(
        (socket) => end(() => resolve({ socket, address })),
        (error: unknown) => {
          failures.push(error);
          if (failures.length === addresses.length) end(() => reject(mostTelling(failures) as Error));
          else begin();
        },
      );
    };
    signal.addEventListener('abort', abort, { once: true });
    begin();
  });
}

function mostTelling(failures: readonly unknown[]): unknown {
  return failures.find((error) => !NO_WAY.has(String((error as { code?: unknown }).code))) ?? failures[0];
}

function connect(address: string, port: number, signal: Signal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address, port, noDelay: true });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    const done = (settle: () => void) => (): void => {
      signal.removeEventListener('abort', abort);
      settle();
    };
    const fail = (error: Error): void => done(() => reject(error))();
    socket.once(
      'connect',
      done(() => {
        socket.removeListener('error', fail);
        // Whoever uses the socket adds a listener of its own; one that comes in between must not end the process.
        socket.on('error', () => undefined);
        resolve(socket);
      }),
    );
    socket.once('error', fail);
  });
}

function secure(
  raw: Socket,
  host: string,
  { servername, alpn }: NonNullable<DialOptions['tls']>,
  signal: Signal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      socket: raw,
      host,
      servername: isIP(servername) ? '' : servername,
      ALPNProtocols: alpn,
      rejectUnauthorized: false,
      // Of an address there is no server name to check by, but the certificate names it.
      ...(isIP(servername) && {
        checkServerIdentity: (_: string, cert) => tls.checkServerIdentity(servername, cert),
      }),
    });
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      raw.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', fail);
    const closed = (): void => fail(new Error('The connection was closed in the TLS handshake'));
    socket.once('close', closed);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', abort);
      socket.removeListener('error', fail);
      socket.removeListener('close', closed);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** The promise, or the signal's reason if that comes first: a look-up cannot be taken back. */
export function abortable<T>(promise: Promise<T>, signal: Signal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
