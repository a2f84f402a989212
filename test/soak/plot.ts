import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import { straight, svg, text } from '../support/svg.js';
import { type Sample } from './samples.js';

const WIDTH = 720;
const HEIGHT = 130;
const MARGIN = { left: 64, right: 12, top: 24, bottom: 18 };

interface Panel {
  title: string;
  figure: (sample: Sample) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'memory of the app, MB', figure: ({ rssMb }) => rssMb },
  { title: 'files and sockets', figure: ({ handles }) => handles },
  { title: 'connections to PostgreSQL', figure: ({ connections }) => connections },
  { title: 'tables, MB', figure: ({ tables }) => Object.values(tables).reduce((sum, { mb }) => sum + mb, 0) },
];

/** An SVG of what was held, by minutes. */
export function plot(samples: readonly Sample[], title: string): string {
  const panels = PANELS.map((panel, place) => drawn(panel, samples, 30 + HEIGHT * place));
  return svg(WIDTH, HEIGHT * PANELS.length + 30, title, panels);
}

function drawn({ title, figure }: Panel, samples: readonly Sample[], top: number): string {
  const x = scaleLinear()
    .domain([0, (samples.at(-1)?.at ?? 1) / 60])
    .range([MARGIN.left, WIDTH - MARGIN.right]);
  const y = scaleLinear()
    .domain([0, Math.max(1, ...samples.map(figure))])
    .nice()
    .range([top + HEIGHT - MARGIN.bottom, top + MARGIN.top]);
  const path = line<Sample>(
    (sample) => x(sample.at / 60),
    (sample) => y(figure(sample)),
  )([...samples]);
  const across = y
    .ticks(3)
    .map(
      (value) =>
        straight('grid', [MARGIN.left, y(value)], [WIDTH - MARGIN.right, y(value)]) +
        text(MARGIN.left - 6, y(value) + 4, value, { anchor: 'end' }),
    );
  const along = x
    .ticks(6)
    .map((value) => text(x(value), top + HEIGHT - 4, `${value} min`, { anchor: 'middle' }));
  const heading = text(MARGIN.left, top + 16, title);
  return `<g>${heading}${across.join('')}${along.join('')}<path d="${path ?? ''}" class="line"/></g>`;
}
