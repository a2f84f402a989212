import { AppProcess } from '../support/app-process.js';

/** What is asked for: see `test/apps/operator.mjs`. */
export interface Request {
  act: string;
  tenantId: string;
  id: string;
  replicas?: number;
  mark?: string;
}

/** A real process that asks a control plane for something, and reaches no store of instances. */
export class Operator {
  private asked = 0;

  private constructor(private readonly process: AppProcess) {}

  static async start(checkout: string, url: string): Promise<Operator> {
    const process = new AppProcess({
      command: [globalThis.process.execPath, 'test/apps/operator.mjs'],
      cwd: checkout,
      env: { PATH: globalThis.process.env.PATH, NO_COLOR: '1', DATABASE_URL: url },
    });
    await process.said(/^\{"n":0\}$/m);
    return new Operator(process);
  }

  /** @returns why it was refused, if it was */
  async ask(request: Request): Promise<string | undefined> {
    const n = ++this.asked;
    this.process.type(`${JSON.stringify({ n, ...request })}\n`);
    const [line] = await this.process.said(new RegExp(`^\\{"n":${n}[,}].*$`, 'm'));
    return (JSON.parse(line) as { refused?: string }).refused;
  }

  end(): Promise<void> {
    return this.process.destroy();
  }
}
