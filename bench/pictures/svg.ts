/** Pieces of pictures: text, boxes, lines, in colours that are read on light and dark pages, and by who sees no colours. */

/** Colours of routes and roles; each has a class in the style below. */
export const ROUTE_CLASSES = ['r1', 'r2', 'r3'] as const;

/** A picture has its own ground, so it is read whatever the page around it is; on a dark screen that is dark. */
const STYLE = `
.ground{fill:#fcfcfb;stroke:#c9c8c2}.ink{fill:#22221f}.soft{fill:#5f5e58}.line{stroke:#8a8983;fill:none}
.r1{fill:#1f5fa8}.r2{fill:#b3541e}.r3{fill:#3d7a3a}.none{fill:#8a8983}.on{fill:#ffffff}
.w1{stroke:#1f5fa8}.w2{stroke:#b3541e}.w3{stroke:#3d7a3a}.w0{stroke:#22221f}.track{fill:#e9e8e3}
text{font:13px system-ui,sans-serif}.small{font-size:11.5px}.cell{font:11px ui-monospace,monospace;text-anchor:middle}.title{font-weight:600;font-size:14px}
@media(prefers-color-scheme:dark){.ground{fill:#1b1b1a;stroke:#4a4945}.ink{fill:#f0efea}.soft{fill:#b5b4ad}.line{stroke:#8a8983}
.r1{fill:#6ea8e8}.r2{fill:#e8965c}.r3{fill:#86c282}.on{fill:#111110}.w1{stroke:#6ea8e8}.w2{stroke:#e8965c}.w3{stroke:#86c282}.w0{stroke:#f0efea}.track{fill:#33322f}}
`.trim();

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** What it shows, in a line, and everything that is to be seen in it, in words. */
  readonly title: string;
  readonly description: string;
  readonly body: readonly string[];
}

export function renderSvg({ width, height, title, description, body }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${escaped(title)}</title>
<desc id="d">${escaped(description)}</desc>
<style>${STYLE}</style>
<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>
${body.join('\n')}
</svg>
`;
}

export interface At {
  readonly x: number;
  readonly y: number;
}

export function text({ x, y }: At, words: string, style = 'ink', anchor?: 'middle' | 'end'): string {
  const place = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${style}" x="${x}" y="${y}"${place}>${escaped(words)}</text>`;
}

export function box({ x, y }: At, width: number, height: number, style: string): string {
  return `<rect class="${style}" x="${x}" y="${y}" width="${round(width)}" height="${height}" rx="2"/>`;
}

/** With a head at its end; `lost`: it ends in a cross on the way. */
export function arrow(from: At, to: At, style: string, lost = false): string {
  const forward = to.x > from.x ? 1 : -1;
  const end = lost ? { x: from.x + (to.x - from.x) * 0.72, y: to.y } : to;
  const shaft = `<path class="${style}" stroke-width="1.6" fill="none" d="M${from.x} ${from.y}H${round(end.x)}"/>`;
  const [x, y] = [round(end.x), end.y];
  const head = lost
    ? `M${x - 5} ${y - 5}l10 10M${x - 5} ${y + 5}l10 -10`
    : `M${x - 7 * forward} ${y - 4}L${x} ${y}L${x - 7 * forward} ${y + 4}`;
  return `${shaft}<path class="${style}" stroke-width="1.6" fill="none" d="${head}"/>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(words: string): string {
  return words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
