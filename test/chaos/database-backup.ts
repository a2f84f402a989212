import pg from 'pg';

/** A copy of a database at its server, from which it is put back. Who is connected meanwhile is cut off. */
export class DatabaseBackup {
  private readonly name: string;
  private readonly server: string;

  constructor(url: string) {
    this.name = decodeURIComponent(new URL(url).pathname.slice(1));
    const server = new URL(url);
    // Neither of them can be copied or dropped by one who is connected to it.
    server.pathname = '/template1';
    this.server = server.href;
  }

  async take(): Promise<void> {
    await this.copy(this.name, `${this.name}_backup`);
  }

  async restore(): Promise<void> {
    await this.copy(`${this.name}_backup`, this.name);
  }

  async drop(): Promise<void> {
    await this.connected((client) => client.query(`DROP DATABASE IF EXISTS "${this.name}_backup"`));
  }

  private async copy(from: string, to: string): Promise<void> {
    await this.connected(async (client) => {
      await client.query(`DROP DATABASE IF EXISTS "${to}" WITH (FORCE)`);
      await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [from]);
      // The server waits some seconds for those to be gone.
      await client.query(`CREATE DATABASE "${to}" TEMPLATE "${from}"`);
    });
  }

  private async connected(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
    const client = new pg.Client({ connectionString: this.server });
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
}
