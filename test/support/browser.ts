import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { AppProcess } from './app-process.js';
import { builtCheckout } from './app-workbench.js';
import { CHROMIUM } from './parts.js';

/** The token of the applications in `test/apps` that have a page. */
export const TOKEN = 'token-of-the-browser-tests';

export interface BrowserUnderTest {
  /** Of the current test. */
  readonly page: Page;
  /** What the pages of the current test have thrown, or written to the console as an error. */
  readonly faults: string[];
}

/** One browser for the suite, and a context of its own for each test. */
export function openBrowser(): BrowserUnderTest {
  let browser: Browser;
  const test = { page: undefined as unknown as Page, faults: [] as string[] };
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    test.faults.length = 0;
    const context = await browser.newContext();
    test.page = await context.newPage();
    test.page.on('pageerror', (error) => test.faults.push(error.message));
    test.page.on('console', (message) => {
      // What the browser itself says of an answer 401 or of a lost connection.
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        test.faults.push(message.text());
    });
  });
  afterEach(() => test.page.context().close());
  return test;
}

/**
 * Answers what the page asks before it changes something: yes, unless `answers` has no for it. Call it before the page is opened.
 * @returns the questions, as they come
 */
export async function answerQuestions(page: Page, answers: boolean[] = []): Promise<string[]> {
  const asked: string[] = [];
  await page.exposeFunction('isConfirmed', (question: string) => {
    asked.push(question);
    return answers.shift() ?? true;
  });
  await page.addInitScript(`
    const answered = new WeakSet();
    new MutationObserver(async () => {
      const dialog = document.querySelector('dialog[open]');
      if (!dialog || answered.has(dialog)) return;
      answered.add(dialog);
      const yes = await isConfirmed(dialog.querySelector('p').textContent);
      [...dialog.querySelectorAll('button')].find(({ textContent }) => textContent === (yes ? 'Confirm' : 'Cancel')).click();
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['open'] });
  `);
  return asked;
}

export const LOOKS = [
  ['light', 1_280],
  ['dark', 1_280],
  ['light', 390],
  ['dark', 390],
] as const;

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What is shown has no serious fault that axe-core finds, and needs no scrolling to the side. */
export async function expectAccessible(page: Page): Promise<void> {
  // Not by a script element: the policy of the page refuses those that are not its own.
  await page.evaluate(await axe());
  const serious = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    const { violations } = await axe.run();
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  });
  expect(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
}

function axe(): Promise<string> {
  return readFile(
    createRequire(join(builtCheckout(), 'package.json')).resolve('axe-core/axe.min.js'),
    'utf8',
  );
}

/** An application of `test/apps` that has a page, and where it listens. */
export async function startPageApp(
  program: string,
  env: Record<string, string> = {},
): Promise<[AppProcess, string]> {
  const app = new AppProcess({
    command: [process.execPath, `test/apps/${program}`],
    cwd: builtCheckout(),
    env: { PATH: process.env.PATH, PORT: '0', TOKEN, ...env },
  });
  const [, url] = await app.said(/listening at (\S+)/);
  return [app, url!];
}
