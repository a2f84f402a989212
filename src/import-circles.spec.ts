import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SRC = import.meta.dirname;
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /(?<!\.spec|\.contract)\.ts$/.test(file),
);

/** Types as well, which lint leaves out: a file that is read for a type is read. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)\.js';/gm)].map(([, path]) =>
    normalize(join(dirname(file), `${path}.ts`)),
  );
}

/** The folder below core that it is in; core's own files put the rooms together and belong to none. */
function roomOf(file: string): string | undefined {
  return /^core\/([^/]+)\//.exec(file)?.[1];
}

/** Each circle as the way around it. */
function circles(graph: ReadonlyMap<string, Iterable<string>>): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (node: string, way: string[]): void => {
    const at = way.indexOf(node);
    if (at >= 0) found.add([...way.slice(at), node].join(' > '));
    if (at >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return [...found];
}

describe('imports', () => {
  it('go in no circle from file to file', () => {
    expect(files.length).toBeGreaterThan(500);
    expect(circles(new Map(files.map((file) => [file, importsOf(file)])))).toEqual([]);
  });

  it('go in no circle from room to room of the framework', () => {
    const rooms = new Map<string, Set<string>>();
    for (const file of files) {
      const room = roomOf(file);
      if (room === undefined) continue;
      const others = importsOf(file).map((other) => roomOf(other) ?? `core itself (${file})`);
      rooms.set(room, new Set([...(rooms.get(room) ?? []), ...others.filter((other) => other !== room)]));
    }
    expect(rooms.size).toBeGreaterThan(10);
    expect(circles(rooms)).toEqual([]);
    const upwards = [...rooms.values()].flatMap((others) =>
      [...others].filter((o) => o.startsWith('core itself')),
    );
    // The harness starts a whole application.
    expect(upwards.filter((other) => !other.includes('core/testing/'))).toEqual([]);
  });

  it('are seen as such', () => {
    expect(circles(new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]]))).toEqual(['b > c > b']); // prettier-ignore
  });
});
