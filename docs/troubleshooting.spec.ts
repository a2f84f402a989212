import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const page = readFileSync(join(ROOT, 'docs/troubleshooting.md'), 'utf8');
const [, log = ''] = page.split('## What the log says');
const messages = [...log.matchAll(/^\| `([^`]+)`/gm)].map(([, message]) => message!);
const sources = readdirSync(join(ROOT, 'src/core'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
  .map((path) => readFileSync(join(ROOT, 'src/core', path), 'utf8'));

describe('docs/troubleshooting.md', () => {
  it.each(messages)('knows a message that the framework logs: %s', (message) => {
    const parts = message.split('…').map((part) => part.trim());
    expect(sources.some((source) => parts.every((part) => source.includes(part)))).toBe(true);
  });
});
