import { strings } from '@angular-devkit/core';

/** The file of a worker. @param name in lower case with hyphens */
export function workerSource(
  name: string,
  { every, cron }: { every: string; cron?: string | undefined },
): string {
  const [decorator, when] = cron === undefined ? ['Interval', quoted(every)] : ['Cron', quoted(cron)];
  const call =
    cron === undefined
      ? `@Interval(${quoted(strings.underscore(name))}, ${when}, { timeout: '1m' })`
      : `@Cron(${when}, { name: ${quoted(strings.underscore(name))}, timeout: '1m' })`;
  return `import { Injectable } from '@nestjs/common';
import { ${decorator}, type RunContext } from 'ctrlplane-workers';

@Injectable()
export class ${strings.classify(name)}Worker {
  /** \`signal\` aborts when the timeout has passed, and at shutdown: hand it on to what takes long. */
  ${call}
  async run({ signal }: RunContext): Promise<void> {
    signal.throwIfAborted();
  }
}
`;
}

/** Its spec: time is moved by the test. Runs under Jest and Vitest with their globals. */
export function specSource(name: string, { esm }: { esm: boolean }): string {
  const type = `${strings.classify(name)}Worker`;
  return `import { WorkerModule } from 'ctrlplane-workers';
import { WorkerTestHarness } from 'ctrlplane-workers/testing';
import { ${type} } from './${name}.worker${esm ? '.js' : ''}';

describe('${type}', () => {
  let harness: WorkerTestHarness;

  beforeEach(async () => {
    harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot()],
      providers: [${type}],
    });
  });
  afterEach(() => harness.close());

  it('runs', async () => {
    expect(await harness.runNext('${strings.underscore(name)}')).toMatchObject({ outcome: 'succeeded' });
  });
});
`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
