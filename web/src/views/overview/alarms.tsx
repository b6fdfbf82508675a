/** What somebody should look at, and what to do about it. */
import { remedyOf } from '../../../../src/api/words/alarms.js';
import { routeReasonsText } from '../../../../src/api/words/routes.js';
import { Picture } from '../../parts/icons.js';
import { Typed } from '../../parts/typed.js';
import { alarms } from '../../state/live.js';

export function Alarms() {
  return (
    <section class="alarms" aria-label="Alarms" aria-live="polite">
      {alarms.value.map((alarm) => (
        <article class="alarm" key={alarm}>
          <Picture name="warn" />
          <div>
            <strong>{inWords(alarm)}</strong>
            <p>
              <Typed text={remedyOf(alarm)} />
            </p>
          </div>
        </article>
      ))}
    </section>
  );
}

/** `route cable is down (silent)`, with what the word in brackets means. */
export function inWords(alarm: string): string {
  const found = OF_A_ROUTE.exec(alarm);
  return found === null ? alarm : `${found[1]}: ${routeReasonsText(found[2].split(', '))}${found[3]}`;
}

/** It comes and goes, and changes its words, with the state of a route. */
export function isOfARoute(alarm: string): boolean {
  return OF_A_ROUTE.test(alarm);
}

const OF_A_ROUTE = /^(route \S+ is \w+) \(([a-z0-9, -]+)\)(.*)$/;
