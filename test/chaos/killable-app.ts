import { AppProcess } from '../support/app-process.js';
import { eventually } from '../support/eventually.js';

/** What these apps read from their environment. */
export interface PlaneOptions {
  /** Of a migrated database that is its alone. */
  url: string;
  /** Directory of the process provider. */
  instances: string;
}

/** An app that is told what to do, killed, and started anew: the other side of `test/apps/killable.mjs`. */
export class KillableApp {
  private app?: AppProcess;
  private orders = 0;

  constructor(
    /** In the checkout. */
    private readonly file: string,
    private readonly checkout: string,
    private readonly options: PlaneOptions,
  ) {}

  async start(): Promise<void> {
    const { url, instances } = this.options;
    this.orders = 0;
    this.app = new AppProcess({
      command: [process.execPath, this.file],
      cwd: this.checkout,
      env: { PATH: process.env.PATH, NO_COLOR: '1', PLANE: JSON.stringify({ url, instances }) },
    });
    await this.app.said(/^ready$/m);
  }

  get output(): string {
    return this.app!.output;
  }

  /** Tells it, and waits for nothing. @returns its number */
  tell(order: object): number {
    this.app!.type(`${JSON.stringify(order)}\n`);
    return ++this.orders;
  }

  hasDone(order: number): boolean {
    return new RegExp(`^done ${order}\\b`, 'm').test(this.output);
  }

  /** What it gave. @throws Error when that failed, or it ended before */
  async done<Result>(order: number): Promise<Result> {
    const [, result] = await this.app!.said(new RegExp(`^done ${order} (.*)$`, 'm'));
    if (result!.startsWith('with')) throw new Error(`${result}\n${this.output}`);
    return JSON.parse(result!) as Result;
  }

  /** Until it has done that, or has ended. */
  async doneOrDead(order: number): Promise<void> {
    await Promise.race([this.app!.said(new RegExp(`^done ${order}\\b`, 'm')), this.app!.exit]).catch(
      () => undefined,
    );
  }

  /** Whether it has ended. */
  async isDead(): Promise<boolean> {
    return (await Promise.race([this.app!.exit, Promise.resolve(undefined)])) !== undefined;
  }

  async kill(): Promise<void> {
    this.app!.kill('SIGKILL');
    await this.app!.exit;
  }

  /** How many steps it has taken since the last `fault`. */
  async steps(): Promise<number> {
    const before = this.output.length;
    this.app!.kill('SIGUSR2');
    const found = await eventually(() => /steps (\d+)/.exec(this.output.slice(before)));
    return Number(found[1]);
  }

  async destroy(): Promise<void> {
    await this.app?.destroy();
  }
}
