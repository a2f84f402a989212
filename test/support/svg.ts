/** Parts of plots that are legible on a light and on a dark page: they bring their own ground, in the colours that the reader prefers. */
const STYLE = `
  .ground { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e } .grid { stroke: #d1d9e0 }
  .line { stroke: #2563eb; stroke-width: 1.5; fill: none } .bar { fill: #94a3b8 } .bar.ours { fill: #2563eb } .range { stroke: #1f2328 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #30363d }
    .line { stroke: #60a5fa } .bar { fill: #64748b } .bar.ours { fill: #60a5fa } .range { stroke: #e6edf3 }
  }`;

/** A whole picture. */
export function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}
</style>
<rect class="ground" width="100%" height="100%"/>
<text class="text" x="12" y="20" font-size="14">${escaped(title)}</text>
${parts.join('\n')}
</svg>
`;
}

interface TextOptions {
  anchor?: 'start' | 'middle' | 'end';
  /** Less important than what it stands beside. */
  faint?: boolean;
}

export function text(
  x: number,
  y: number,
  content: string | number,
  { anchor, faint }: TextOptions = {},
): string {
  const place = anchor ? ` text-anchor="${anchor}"` : '';
  return `<text class="${faint ? 'faint' : 'text'}" x="${short(x)}" y="${short(y)}"${place}>${escaped(String(content))}</text>`;
}

export function straight(kind: 'grid' | 'range', from: [number, number], to: [number, number]): string {
  const [x1, y1, x2, y2] = [...from, ...to].map(short);
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
}

/** A hundredth of a pixel is nothing, and sixteen digits are no diff to read. */
function short(value: number): number {
  return Number(value.toFixed(2));
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
