import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
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
  const height = HEIGHT * PANELS.length + 30;
  const panels = PANELS.map((panel, place) => drawn(panel, samples, 30 + HEIGHT * place));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="12" y="20" font-size="14">${title}</text>
${panels.join('\n')}
</svg>
`;
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
        `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
        `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
    );
  const along = x
    .ticks(6)
    .map((value) => `<text x="${x(value)}" y="${top + HEIGHT - 4}" text-anchor="middle">${value} min</text>`);
  return `<g><text x="${MARGIN.left}" y="${top + 16}">${title}</text>${across.join('')}${along.join('')}<path d="${path ?? ''}" fill="none" stroke="#2563eb" stroke-width="1.5"/></g>`;
}
