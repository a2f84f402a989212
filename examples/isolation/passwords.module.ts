import { pbkdf2Sync } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { Interval, type RunContext } from 'ctrlplane-workers';

/** What a thread loads: the heavy work and what that needs, not the whole application. */
@Injectable()
class Passwords {
  /** A second or more of computation without an `await`. In the main thread, nothing else would run meanwhile. */
  @Interval('passwords', '5s', { isolate: 'thread', timeout: '1m', runOnStart: true })
  strengthen({ progress, logger }: RunContext): void {
    const began = performance.now();
    for (let done = 1; done <= 10; done++) {
      pbkdf2Sync(`password ${done}`, 'salt', 200_000, 64, 'sha512');
      progress(done, 10);
    }
    logger.log(`Strengthened 10 passwords in ${Math.round(performance.now() - began)} ms of computation`);
  }
}

@Module({ providers: [Passwords] })
export class PasswordsModule {}
