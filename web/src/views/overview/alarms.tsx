/** What somebody should look at, and what to do about it. */
import { remedyOf } from '../../../../src/api/words/alarms.js';
import { routeReasonText } from '../../../../src/api/words/routes.js';
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
  const found = /^(route \S+ is \w+) \(([a-z0-9, -]+)\)(.*)$/.exec(alarm);
  if (found === null) return alarm;
  const reasons = found[2].split(', ').map(routeReasonText).join('; ');
  return `${found[1]}: ${reasons}${found[3]}`;
}
