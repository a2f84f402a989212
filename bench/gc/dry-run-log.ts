import { type LoggerService } from '@nestjs/common';

/** Nest's log of a garbage collector that runs dry: which instances it would have deleted. What went wrong is passed on. */
export class DryRunLog implements LoggerService {
  private found: string[] = [];

  log(message: unknown): void {
    const [, instanceId] = /^Dry run: would delete (\S+) of /.exec(String(message)) ?? [];
    if (instanceId) this.found.push(instanceId);
  }

  warn(message: unknown): void {
    console.error(message);
  }

  error(message: unknown): void {
    console.error(message);
  }

  /** The instances named since the last call. */
  take(): string[] {
    const taken = this.found;
    this.found = [];
    return taken;
  }
}
