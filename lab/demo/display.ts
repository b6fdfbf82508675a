/** Where the demo shows itself: a page that is redrawn on a terminal, plain lines elsewhere. */
import type { WriteStream } from 'node:tty';
import { paintFor } from '../../src/cli/style.js';
import { clock, lengthOf, milliseconds, paintLine } from './layout.js';
import { phaseTitle, policyName } from './phases.js';
import { renderView, type View } from './view.js';

export interface Display {
  /** Draws what there is now; called several times a second. */
  update(view: View): void;
  /** Gives the screen back. */
  close(): void;
}

export function display(output: WriteStream, env: NodeJS.ProcessEnv): Display {
  return output.isTTY === true && env.TERM !== 'dumb' ? page(output, env) : lines(output);
}

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Terminals that know synchronized output show the page at once; the others ignore it. */
const BEGIN = '\x1b[?2026h\x1b[H';
const END = '\x1b[J\x1b[?2026l';

/** Draws over the page before without clearing it, so that nothing flickers. */
function page(output: WriteStream, env: NodeJS.ProcessEnv): Display {
  const paint = paintFor(output, env);
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.off('exit', close);
    output.write(LEAVE);
  };
  process.on('exit', close);
  output.write(ENTER);
  return {
    update(view) {
      const size = { columns: output.columns ?? 80, rows: output.rows ?? 24 };
      const drawn = renderView(view, size).map((line) => {
        // At the last column "erase to the end" would take that column's character.
        return paintLine(line, paint) + (lengthOf(line) < size.columns ? '\x1b[K' : '');
      });
      if (isOpen) output.write(`${BEGIN}${drawn.join('\r\n')}${END}`);
    },
    close,
  };
}

const LINE_EVERY_SECONDS = 2;

/** A line when something begins, and one every two seconds while races are run. */
function lines(output: Pick<WriteStream, 'write'>): Display {
  let note = '';
  let phase = 0;
  let next = 0;
  let isPageTold = false;
  const write = (view: View, line: string): void =>
    void output.write(`${clock(view.elapsedSeconds)} ${line}\n`);
  return {
    update(view) {
      const { phase: current } = view;
      if (view.page !== null && !isPageTold) write(view, `page ${view.page}`);
      isPageTold = true;
      if (current === null) {
        if (view.note !== note) write(view, view.note);
        note = view.note;
        return;
      }
      if (current.number !== phase) {
        write(
          view,
          `phase ${current.number} of ${current.of}, ${current.now.seconds.toFixed(1)} s: ${phaseTitle(current.now)}`,
        );
        phase = current.number;
        next = view.elapsedSeconds + LINE_EVERY_SECONDS;
      }
      if (current.now.policy.kind !== 'race' || view.elapsedSeconds < next) return;
      next += LINE_EVERY_SECONDS;
      write(view, `  ${standing(view)}`);
    },
    close() {},
  };
}

function standing(view: View): string {
  const wins = view.routes.map(({ name, wins: count }) => `${name} ${count}`).join(', ');
  const [race] = view.races;
  const figures = view.figures.find(({ name }) => name === policyName({ kind: 'race' }));
  const lost = (figures?.healthy?.lost ?? 0) + (figures?.dead?.lost ?? 0) + view.pages.failed;
  const standings = `${view.totals.started} races, ${lost} lost, won by ${wins}`;
  if (race === undefined) return standings;
  const times = view.providers.map((name) => {
    const time = race.times[name];
    return time === undefined ? `${name} silent` : `${name} ${milliseconds(time)} ms`;
  });
  return `${standings}; latest: ${race.destination} ${race.family} by ${race.winner ?? 'none'} (${times.join(', ')})`;
}
