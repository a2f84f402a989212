import { Injectable } from '@nestjs/common';

/** Tells the dispatcher of this process that a schedule was written here: a store of this process alone is asked by nobody else. */
@Injectable()
export class ScheduleChanges {
  private listener?: () => void;

  listen(listener: () => void): void {
    this.listener = listener;
  }

  happened(): void {
    this.listener?.();
  }
}
