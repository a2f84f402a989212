/** What applications differ in. The first of each is the one that is cheapest to run. */
export const AXES = {
  node: ['20', '22', '24'],
  nest: ['11', '12'],
  schedule: ['6.0', '6', '12'],
  typeorm: ['0.3', '1.1'],
  format: ['CommonJS', 'ESM'],
  runner: ['node:test', 'Jest (ts-jest)', 'Jest (swc)', 'Vitest'],
} as const;

export type Axis = keyof typeof AXES;

/** An application: one value of each axis. */
export type Cell = { readonly [A in Axis]: (typeof AXES)[A][number] };

const AXIS_NAMES = Object.keys(AXES) as Axis[];

/** @returns why there is no such application, undefined if there is */
export function impossible({ nest, schedule, format, runner }: Cell): string | undefined {
  if (nest === '12' && schedule !== '12') return '@nestjs/schedule 6 has NestJS 10 and 11 as its peers';
  if (format === 'CommonJS' && runner.startsWith('Jest') && (nest === '12' || schedule === '12'))
    return 'version 12 of these packages is ES modules alone, and the require() of Jest takes none';
  return undefined;
}

/** Each application that there can be. */
export function everyCell(): Cell[] {
  let cells: Partial<Cell>[] = [{}];
  for (const axis of AXIS_NAMES)
    cells = cells.flatMap((cell) => AXES[axis].map((value) => ({ ...cell, [axis]: value })));
  return (cells as Cell[]).filter((cell) => impossible(cell) === undefined);
}

/**
 * Few applications that have each two values of different axes together, as far as there is any that has them.
 * Always the same ones.
 */
export function pairwise(): Cell[] {
  return covering(pairsOf);
}

/** Fewer: each value in one application at least. */
export function eachValue(): Cell[] {
  return covering((cell) => AXIS_NAMES.map((axis) => `${axis} ${cell[axis]}`));
}

/** Takes the cell that shows most of what no other has shown, until all is shown. */
function covering(shows: (cell: Cell) => string[]): Cell[] {
  const cells = everyCell();
  const missing = new Set(cells.flatMap(shows));
  const taken: Cell[] = [];
  const fresh = (cell: Cell): number => shows(cell).filter((what) => missing.has(what)).length;
  while (missing.size > 0) {
    const best = cells.reduce((a, b) => (fresh(b) > fresh(a) ? b : a));
    for (const what of shows(best)) missing.delete(what);
    taken.push(best);
  }
  return taken;
}

export function pairsOf(cell: Cell): string[] {
  return AXIS_NAMES.flatMap((a, i) =>
    AXIS_NAMES.slice(i + 1).map((b) => `${a} ${cell[a]} × ${b} ${cell[b]}`),
  );
}

export function nameOf({ node, nest, schedule, typeorm, format, runner }: Cell): string {
  return `Node ${node}, Nest ${nest}, schedule ${schedule}, TypeORM ${typeorm}, ${format}, ${runner}`;
}
