import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { addressesOf, type Signal } from '../../network-policy/dial.js';
import { type GrpcProbe, type ProbeResult } from '../health-check.js';
import { failureOf } from './explain.js';
import { ProbeFailure, ProberFault, type ProbeContext, type Prober } from './prober.js';
import { targetOf } from './target.js';

const METHOD = '/grpc.health.v1.Health/Check';
const SERVING = 1;
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Channels that are kept; the one that was idle longest goes. */
const MOST_CHANNELS = 1_000;

/**
 * Asks by `grpc.health.v1`. Channels are kept per target, as gRPC is meant to be used: one that has broken connects
 * anew. The name is resolved for each probe and the channel goes to the address, so that the egress policy judges what
 * is connected to.
 */
export class GrpcProber implements Prober<GrpcProbe> {
  private readonly channels = new Map<string, Client>();

  async probe(probe: GrpcProbe, context: ProbeContext): Promise<ProbeResult> {
    const { signal, policy, resolve, phases } = context;
    phases.lookingUp = true;
    const { host, port } = targetOf(probe, context);
    const addresses = await addressesOf({ host, policy, resolve, signal });
    phases.step('resolved');
    const target = targetFor(addresses, port);
    const found = await this.ask(this.channel(target, host, port, probe), probe.service, signal);
    phases.end('firstByte');
    if (found === SERVING) return { outcome: 'success', message: 'SERVING' };
    throw new ProbeFailure(`The service says ${STATUSES[found] ?? `status ${found}`}`);
  }

  /** Closes all channels. */
  close(): void {
    for (const client of this.channels.values()) client.close();
    this.channels.clear();
  }

  private channel(target: string, host: string, port: number, { tls }: GrpcProbe): Client {
    const key = [target, host, tls ? `tls ${tls.verify}` : 'plain'].join(' ');
    let client = this.channels.get(key);
    this.channels.delete(key);
    client ??= new Client(target, credentialsFor(tls), {
      'grpc.default_authority': `${host}:${port}`,
      ...(tls && isIP(host) === 0 && { 'grpc.ssl_target_name_override': host }),
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.max_receive_message_length': 64 * 1024,
      'grpc.enable_http_proxy': 0,
      // Two checks of one address would share a connection, and with it what TLS was agreed on.
      'grpc.use_local_subchannel_pool': 1,
    });
    this.channels.set(key, client);
    if (this.channels.size > MOST_CHANNELS) {
      const [oldest] = this.channels.keys();
      this.channels.get(oldest!)?.close();
      this.channels.delete(oldest!);
    }
    return client;
  }

  private ask(client: Client, service: string, signal: Signal): Promise<number> {
    return new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(
        METHOD,
        encodeRequest,
        decodeResponse,
        service,
        new Metadata(),
        (error, answer) => {
          signal.removeEventListener('abort', abort);
          if (error) reject(signal.aborted ? (signal.reason as Error) : explained(error, service));
          else resolve(answer!);
        },
      );
      const abort = (): void => call.cancel();
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
  }
}

/**
 * All addresses of the kind of the first, of which the channel takes one that answers; sorted, as name servers turn
 * them with each answer.
 */
function targetFor(addresses: readonly LookupAddress[], port: number): string {
  const [{ family } = never()] = addresses;
  const same = addresses.filter((other) => other.family === family).map(({ address }) => address);
  const parts = same.sort().map((address) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
  return `ipv${family}:${parts.join(',')}`;
}

function credentialsFor(tls: GrpcProbe['tls']): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  return credentials.createSsl(null, null, null, tls.verify ? {} : { rejectUnauthorized: false });
}

function explained({ code, details }: Partial<ServiceError>, service: string): Error {
  const text = String(details).slice(0, 300);
  switch (code) {
    case status.NOT_FOUND:
      return new ProbeFailure(`The server knows no service "${service}"`);
    case status.UNIMPLEMENTED:
      return new ProbeFailure('The server does not implement grpc.health.v1');
    case status.UNAVAILABLE:
      if (/\b(?:EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS|ENETUNREACH|ENETDOWN)\b/.test(text))
        return new ProberFault(`This machine could not connect: ${text}`);
      return new ProbeFailure(noConnection(text));
    case undefined:
      // grpc-js fails so at an answer that it cannot unpack.
      return new ProbeFailure('The answer cannot be read');
    default:
      return new ProbeFailure(`Answered with ${status[code] ?? code}: ${text}`);
  }
}

/** Of "No connection established. Last error: Error: connect ECONNREFUSED 10.0.0.1:80. Resolution note: " what counts. */
function noConnection(text: string): string {
  const last =
    /Last error: (?:Error: )?(.*?)(?: \(\d{4}-[^)]*\))?\. Resolution note:/.exec(text)?.[1] ?? text;
  if (last === 'Protocol error') return 'The target does not speak HTTP/2, as gRPC does';
  if (last === 'Failed to connect') return 'The target closed the connection at once';
  const [code = ''] = /\bE[A-Z]{4,}\b/.exec(last) ?? [];
  return failureOf(code) ?? `No connection: ${last}`;
}

/** `HealthCheckRequest { string service = 1; }`: two messages of one field each are not worth a protobuf runtime. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
}

/** `HealthCheckResponse { ServingStatus status = 1; }`; absent is 0, `UNKNOWN`. */
function decodeResponse(message: Buffer): number {
  if (message.length === 0) return 0;
  if (message[0] !== 0x08 || message.length < 2 || message[1]! > 127)
    throw new ProbeFailure('The answer is no HealthCheckResponse');
  return message[1]!;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function never(): never {
  throw new ProberFault('The name look-up gave no address');
}
