import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  label: string;
  /** Name of the variable of the style sheet, such as `--good`. */
  color: string;
  /** One for each instant; null where there is none. */
  values: readonly (number | null)[];
  /** Points, and no line between them. */
  points?: boolean;
}

/** An instant at which something changed: a line across the chart. */
export interface Mark {
  /** Milliseconds from the epoch. */
  at: number;
  label: string;
}

interface LineChartProps {
  /** What a screen reader says in its place: what it shows, and in words what there is to see. */
  label: string;
  /** Milliseconds from the epoch, in order. */
  instants: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** In order. */
  marks?: readonly Mark[];
}

const HEIGHT = 160;

/** Values over time. Drag to zoom in, double-click to zoom out. */
export function LineChart({ label, instants, lines, format, marks = [] }: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>();
  const data = [instants.map((at) => at / 1_000), ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const marked = useRef(marks);
  marked.current = marks;
  const shape = lines.map(({ label: name, color }) => `${name} ${color}`).join();

  useEffect(() => {
    const div = place.current!;
    const make = (): void => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsFor(div, lines, format, marked), latest.current, div);
    };
    make();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    const resized = new ResizeObserver(() =>
      chart.current?.setSize({ width: div.clientWidth, height: HEIGHT }),
    );
    resized.observe(div);
    return () => {
      scheme.removeEventListener('change', make);
      resized.disconnect();
      chart.current?.destroy();
    };
  }, [shape]);

  useEffect(() => chart.current?.setData(data), [data]);

  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

function optionsFor(
  div: HTMLElement,
  lines: readonly Line[],
  format: LineChartProps['format'],
  marks: { readonly current: readonly Mark[] },
): uPlot.Options {
  const style = getComputedStyle(div);
  // The colours of the style sheet are `light-dark(…)`, which a canvas does not know: an element does.
  const colour = (name: string): string => {
    const probe = div.appendChild(document.createElement('i'));
    probe.style.color = `var(${name})`;
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
  const ink = { line: colour('--plum'), text: colour('--text'), font: style.font };
  const axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, font: style.font };
  const shown = (_: uPlot, value: number | null): string => (value === null ? '–' : format(value));
  return {
    width: div.clientWidth,
    height: HEIGHT,
    cursor: { points: { size: 6 } },
    hooks: { draw: [(chart) => drawMarks(chart, marks.current, ink)] },
    scales: { y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      { ...axis, space: 80 },
      {
        ...axis,
        size: 70,
        // Of values that are shown alike, such as half a millisecond and a whole one, the last has the label.
        filter: (_, values) =>
          values.map((value, index) =>
            values.length > index + 1 && format(value) === format(values[index + 1]!) ? null : value,
          ),
        values: (_, values: (number | null)[]) =>
          values.map((value) => (value === null ? null : format(value))),
      },
    ],
    series: [
      { value: (_, at) => (at === null ? '–' : new Date(at * 1_000).toLocaleString()) },
      ...lines.map(({ label, color, points }): uPlot.Series => {
        const stroke = colour(color);
        return points
          ? { label, stroke, value: shown, paths: () => null, points: { show: true, size: 7, fill: stroke } }
          : { label, stroke, width: 1.5, value: shown, spanGaps: false };
      }),
    ],
  };
}

/** A name is left out where it would lie on the one before. */
function drawMarks(
  { ctx, bbox, valToPos }: uPlot,
  marks: readonly Mark[],
  ink: { line: string; text: string; font: string },
): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ink.line;
  ctx.fillStyle = ink.text;
  ctx.font = scaled(ink.font);
  ctx.textBaseline = 'top';
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  const gap = 4 * devicePixelRatio;
  let free = -Infinity;
  for (const { at, label } of marks) {
    const x = Math.round(valToPos(at / 1_000, 'x', true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(label).width + gap;
    // At the right edge it stands before its line.
    const left = x + gap + width > bbox.left + bbox.width ? x - width : x + gap;
    if (left < free) continue;
    ctx.fillText(label, left, bbox.top + gap);
    free = left + width;
  }
  ctx.restore();
}

/** A font of the style sheet for the canvas, which has the pixels of the device. */
function scaled(font: string): string {
  return font.replace(/([\d.]+)px/, (_, size: string) => `${Number(size) * devicePixelRatio}px`);
}
