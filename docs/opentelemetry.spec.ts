import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ATTRIBUTE, METRIC } from '../src/core/observability/names.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const page = text('docs/opentelemetry.md');
/** As the exporter for Prometheus names them. */
const plain = (name: string) => name.replaceAll('.', '_');

describe('docs/opentelemetry.md', () => {
  it('has every metric with its unit, and no other', () => {
    const rows = [
      ...page.matchAll(/^\| `(worker\.[a-z_.]+)` +\| (counter|histogram|gauge|up-down) +\| `(.+?)`/gm),
    ];
    const shown = rows.map(([, name, , unit]) => [name, unit]);
    expect(shown.toSorted()).toEqual(
      Object.values(METRIC)
        .map(([name, unit]) => [name, unit])
        .toSorted(),
    );
  });

  it('has every attribute', () => {
    for (const name of Object.values(ATTRIBUTE)) expect(page).toContain(`\`${name}\``);
  });
});

describe.each(['alerts.yml', 'alerts.test.yml', 'grafana.json'])('examples/observability/%s', (file) => {
  it('asks for metrics and attributes that there are', () => {
    const metrics = new Set(Object.values(METRIC).map(([name]) => plain(name)));
    const attributes = new Set<string>(Object.values(ATTRIBUTE).map(plain));
    const names = text(`examples/observability/${file}`).match(/\b(?:worker|incident|error)_[a-z_]+\b/g)!;
    expect(names.length).toBeGreaterThan(5);
    const unknown = names.filter(
      (name) => !attributes.has(name) && !metrics.has(name.replace(/_(?:total|bucket)$/, '')),
    );
    expect(unknown).toEqual([]);
  });
});
