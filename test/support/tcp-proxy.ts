import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server on this machine that a test can cut, mute or slow down. */
export class TcpProxy {
  private readonly links = new Set<Link>();
  private mute = false;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (client) => {
      const link = new Link(client, this.target, this.mute);
      this.links.add(link);
      client.once('close', () => this.links.delete(link));
    });
  }

  /** @param target port of the server */
  static async to(target: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  /** A proxy to the server of that URL, and the URL that leads through it. */
  static async before(url: string): Promise<{ proxy: TcpProxy; url: string }> {
    const through = new URL(url);
    const proxy = await TcpProxy.to(Number(through.port));
    through.port = String((proxy.server.address() as AddressInfo).port);
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

  /** New connections get through. */
  restore(): void {
    this.mute = false;
  }

  /** Resets all connections. */
  cut(): void {
    for (const link of this.links) link.reset();
  }

  /** The server gets what it is sent, and when it answers for the next time, the connection is reset instead. */
  loseNextAnswer(): Promise<void> {
    return new Promise((resolve) => {
      const lose = (link: Link) => {
        for (const each of this.links) each.onAnswer = undefined;
        link.reset();
        resolve();
      };
      for (const link of this.links) link.onAnswer = () => lose(link);
    });
  }

  /**
   * Keeps back what the server answers on the connections there are.
   * @returns what resolves when there is an answer, and what lets it go
   */
  holdAnswers(): { answered: Promise<void>; release(): void } {
    const held: (() => void)[] = [];
    const links = [...this.links];
    const answered = new Promise<void>((resolve) => {
      for (const link of links)
        link.onAnswer = (chunk) => {
          held.push(() => link.answer(chunk));
          resolve();
        };
    });
    const release = () => {
      for (const link of links) link.onAnswer = undefined;
      for (const pass of held) pass();
    };
    return { answered, release };
  }

  async close(): Promise<void> {
    for (const link of this.links) link.reset();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** One connection through it. */
class Link {
  /** Takes what the server says in the client's place. */
  onAnswer?: (chunk: Buffer) => void;
  private readonly upstream: Socket;

  constructor(
    private readonly client: Socket,
    target: number,
    public mute: boolean,
  ) {
    const upstream = (this.upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true }));
    client.on('data', (chunk) => void (this.mute || upstream.write(chunk)));
    upstream.on('data', (chunk) => {
      if (this.mute) return;
      if (this.onAnswer) this.onAnswer(chunk);
      else this.answer(chunk);
    });
    client.on('end', () => void (this.mute || upstream.end()));
    upstream.on('end', () => void (this.mute || client.end()));
    for (const [side, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      side.on('error', () => void (this.mute || other.resetAndDestroy()));
      side.on('close', () => void (this.mute || other.destroy()));
    }
    client.once('close', () => upstream.destroy());
  }

  answer(chunk: Buffer): void {
    this.client.write(chunk);
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.upstream.resetAndDestroy();
  }
}
