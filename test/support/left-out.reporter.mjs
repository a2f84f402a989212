import { relative } from 'node:path';

const REASON = /^(?<title>.*) \[(?<reason>needs .*)\]$/s;

/**
 * Names at the end of a run what was left out and why (`needs.ts` puts the reason into titles). With CI set,
 * leaving anything out is a failure.
 */
export default class LeftOutReporter {
  #error;
  #filtered;

  constructor({ testNamePattern }) {
    // Then those of other names are skipped, and nobody wants a list of them.
    this.#filtered = Boolean(testNamePattern);
  }

  onRunComplete(_contexts, { testResults }) {
    const leftOut = new Set();
    for (const { testFilePath, testResults: tests } of testResults) {
      const file = relative(process.cwd(), testFilePath);
      for (const test of tests) if (test.status === 'pending') leftOut.add(`${file}: ${describe(test)}`);
    }
    if (leftOut.size === 0 || this.#filtered) return;
    const list = [...leftOut].map((line) => `  ${line}`).join('\n');
    process.stderr.write(`\nLeft out:\n${list}\n`);
    if (isCi()) this.#error = new Error('With CI set, leaving tests out is a failure');
  }

  getLastError() {
    if (this.#error) process.stderr.write(`${this.#error.message}\n`);
    return this.#error;
  }
}

/** The title down to the suite or test that says why; the whole one where nothing says so. */
function describe({ ancestorTitles, title }) {
  const titles = [...ancestorTitles, title];
  const index = titles.findIndex((one) => REASON.test(one));
  if (index < 0) return `${titles.join(' › ')} (skipped by itself)`;
  const { groups } = REASON.exec(titles[index]);
  return `${[...titles.slice(0, index), groups.title].join(' › ')} ${groups.reason}`;
}

function isCi() {
  return !['', '0', 'false', undefined].includes(process.env.CI?.toLowerCase());
}
