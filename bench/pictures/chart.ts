/** The picture of a criterion: who got how many of 200 connections, and in which order. */
import type { Shown } from './criteria.js';
import { CONNECTIONS, ROUTES, runStory } from './criterion-run.js';
import { box, ROUTE_CLASSES, renderSvg, text } from './svg.js';

const WIDTH = 660;
const COLUMNS = 20;
const CELL = { width: 30, height: 17 } as const;
const LEFT = 20;
const BAR = { left: 320, width: 260 } as const;

export function criterionChart(name: string, { given, story }: Shown): string {
  const taken = runStory(story);
  const counts = ROUTES.map((_, at) => taken.filter((route) => route === at + 1).length);
  const lost = taken.filter((route) => route === 0).length;
  const body = [text({ x: LEFT, y: 28 }, `${name}: 200 connections, one every 100 ms`, 'ink title')];
  let y = 54;
  ROUTES.forEach(({ name: route, rttMs, weight, capacityMbit, cost }, at) => {
    const style = ROUTE_CLASSES[at];
    body.push(
      text({ x: LEFT, y }, route, style),
      text(
        { x: LEFT + 48, y },
        `${rttMs} ms, weight ${weight}, ${capacityMbit} Mbit/s, cost ${cost}`,
        'soft small',
      ),
      box({ x: BAR.left, y: y - 11 }, BAR.width, 13, 'track'),
      box({ x: BAR.left, y: y - 11 }, (BAR.width * counts[at]) / CONNECTIONS, 13, style),
      text({ x: BAR.left + BAR.width + 10, y }, String(counts[at]), 'ink'),
    );
    y += 20;
  });
  for (const line of given) {
    body.push(text({ x: LEFT, y: y + 4 }, line, 'soft small'));
    y += 17;
  }
  y += 8;
  taken.forEach((route, at) => {
    const place = {
      x: LEFT + (at % COLUMNS) * CELL.width + 10,
      y: y + Math.floor(at / COLUMNS) * CELL.height,
    };
    const letter = route === 0 ? '-' : ROUTES[route - 1].name[0];
    body.push(
      box(place, CELL.width - 2, CELL.height - 2, route === 0 ? 'none' : ROUTE_CLASSES[route - 1]),
      text({ x: place.x + CELL.width / 2 - 1, y: place.y + 12 }, letter, 'cell on'),
    );
  });
  const height = y + (CONNECTIONS / COLUMNS) * CELL.height + 14;
  const shares = ROUTES.map(({ name: route }, at) => `${counts[at]} by ${route}`).join(', ');
  return renderSvg({
    width: WIDTH,
    height,
    title: `What ${name} chose for 200 connections over three routes`,
    description: `${given.join('; ')}. Of 200 connections ${shares}${lost > 0 ? `, ${lost} by none` : ''}. In their order, by the first letters of the routes: ${runs(taken)}.`,
    body,
  });
}

/** `12 f, 3 c, ...`, as far as a person reads. */
function runs(taken: readonly number[]): string {
  const found: { route: number; count: number }[] = [];
  for (const route of taken) {
    const last = found.at(-1);
    if (last?.route === route) last.count++;
    else found.push({ route, count: 1 });
  }
  const words = found
    .slice(0, 30)
    .map(({ route, count }) => `${count} ${route === 0 ? '-' : ROUTES[route - 1].name[0]}`);
  return `${words.join(', ')}${found.length > 30 ? ' and so on' : ''}`;
}
