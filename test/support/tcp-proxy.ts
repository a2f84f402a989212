import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** As PostgreSQL writes it: ready for a query, outside a transaction. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');
const TERMINATED = errorResponse(
  'SFATAL',
  'VFATAL',
  'C57P01',
  'Mterminating connection due to administrator command',
);

function errorResponse(...fields: string[]): Buffer {
  const body = Buffer.from(`${fields.join('\0')}\0\0`);
  const head = Buffer.from('E\0\0\0\0', 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A way to a server on this machine that a test can cut, mute or hold up. */
export class TcpProxy {
  private readonly links = new Set<Link>();
  private readonly beyond = new Set<Link>();
  private mute = false;
  private open = Infinity;
  private refusing = false;
  /** Takes what the server says in the client's place. */
  private intercept?: (link: Link, chunk: Buffer) => void;

  private constructor(
    private readonly server: Server,
    target: number,
  ) {
    server.on('connection', (client) => {
      if (this.refusing) return void client.on('error', () => {}).resetAndDestroy();
      const isBeyond = this.links.size >= this.open;
      const link = new Link(client, target, this.mute || isBeyond, (chunk) =>
        this.intercept ? this.intercept(link, chunk) : link.answer(chunk),
      );
      this.links.add(link);
      if (isBeyond) this.beyond.add(link);
      client.once('close', () => this.links.delete(link));
    });
  }

  /** A proxy to the server of that URL, and the URL that leads through it. */
  static async before(url: string): Promise<{ proxy: TcpProxy; url: string }> {
    const through = new URL(url);
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, Number(through.port));
    through.port = String((server.address() as AddressInfo).port);
    return { proxy, url: through.href };
  }

  /** Connections that are open to it. */
  get connections(): number {
    return this.links.size;
  }

  /** Packets vanish: those of the connections there are, for ever, and of new ones until `restore`. Nothing is closed. */
  blackHole(): void {
    this.mute = true;
    for (const link of this.links) link.mute = true;
  }

  /** As many connections work; packets of those beyond vanish until `restore`, which resets them. */
  limitTo(connections: number): void {
    this.open = connections;
  }

  /** New connections get through. */
  restore(): void {
    this.mute = this.refusing = false;
    this.open = Infinity;
    for (const link of this.beyond) link.reset();
    this.beyond.clear();
  }

  /** Resets all connections, and new ones until `restore`: the server is down. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  /** Resets all connections. */
  cut(): void {
    for (const link of this.links) link.reset();
  }

  /** The server gets what it is sent, and when it answers for the next time, the connection is reset instead. */
  loseNextAnswer(): void {
    this.intercept = (link) => {
      this.intercept = undefined;
      link.reset();
    };
  }

  /** The next connection that is made ends in the packet that says that it is ready, as when PostgreSQL goes down at that moment. */
  endNextWhenReady(): void {
    this.intercept = (link, chunk) => {
      const ready = chunk.subarray(-READY.length).equals(READY);
      if (ready) this.intercept = undefined;
      link.answer(ready ? Buffer.concat([chunk, TERMINATED]) : chunk);
      if (ready) link.reset();
    };
  }

  /**
   * Keeps back what the server says.
   * @returns what lets it go
   */
  holdAnswers(): () => void {
    const held: (() => void)[] = [];
    this.intercept = (link, chunk) => held.push(() => link.answer(chunk));
    return () => {
      this.intercept = undefined;
      for (const pass of held) pass();
    };
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** One connection through it. */
class Link {
  private readonly upstream: Socket;

  constructor(
    private readonly client: Socket,
    target: number,
    public mute: boolean,
    answered: (chunk: Buffer) => void,
  ) {
    const upstream = (this.upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }));
    client.on('data', (chunk: Buffer) => void (this.mute || upstream.write(chunk)));
    upstream.on('data', (chunk: Buffer) => void (this.mute || answered(chunk)));
    client.on('end', () => void (this.mute || upstream.end()));
    upstream.on('end', () => void (this.mute || client.end()));
    client.on('error', () => void (this.mute || upstream.resetAndDestroy()));
    upstream.on('error', () => void (this.mute || client.resetAndDestroy()));
    upstream.on('close', () => void (this.mute || client.destroy()));
    client.on('close', () => upstream.destroy());
  }

  answer(chunk: Buffer): void {
    this.client.write(chunk);
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.upstream.resetAndDestroy();
  }
}
