/** Why a connection went where it went: the words of `pathrace why`, and the race as lanes. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { AttemptReport, Decision, DecisionPin } from '../../../src/api/contract.js';
import { attemptWords, inOrder, sentText } from '../../../src/api/words/attempts.js';
import { explainDecision, holderOf } from '../../../src/api/words/decisions.js';
import { formatDuration, formatMillis } from '../../../src/api/words/numbers.js';
import { api, errorText } from '../state/api.js';
import { clockText } from '../state/clock.js';
import { hrefTo } from '../state/routing.js';
import { Dialog } from './dialog.js';
import { Failure } from './empty.js';
import { Axis, Lanes } from './lanes.js';
import { RouteName, StateBadge } from './route-name.js';

/** Asks once more with all that only `why` tells; what is known already is shown at once. */
export function WhyDrawer({ decision, onClose }: { decision: Decision; onClose: () => void }) {
  const told = useSignal<Decision>(decision);
  const error = useSignal<string | null>(null);
  // Once for each decision.
  useEffect(() => {
    const from = endpointOf(decision.client);
    const to = endpointOf(decision.destination);
    if (from === null || to === null) return;
    const query = { address: to.address, client: from.address, ...portsOf(from, to) };
    api
      .call('GET /v1/why', { query: { ...query, limit: 20 } })
      .then((found) => {
        const same = found.find(
          ({ id, open }) => id === decision.id || (decision.id === undefined && open === true),
        );
        if (same !== undefined) told.value = same;
      })
      .catch((caught) => {
        error.value = errorText(caught);
      });
  }, [decision.id, decision.client]);
  return (
    <Dialog title="Why" drawer onClose={onClose}>
      <Why decision={told.value} />
      {error.value !== null && <Failure text={error.value} />}
    </Dialog>
  );
}

interface Endpoint {
  readonly address: string;
  readonly port: number | null;
}

/** `[2001:db8::1]:443`, `192.0.2.1:443`, or an address alone. */
export function endpointOf(text: string): Endpoint | null {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([\d.]+)|([0-9a-fA-F:.]+?))(?::(\d+))?$/.exec(text);
  if (found === null) return null;
  return {
    address: found[1] ?? found[2] ?? found[3] ?? text,
    port: found[4] === undefined ? null : Number(found[4]),
  };
}

function portsOf(from: Endpoint, to: Endpoint): { port?: number; clientPort?: number } {
  return {
    ...(to.port === null || to.port === 0 ? {} : { port: to.port }),
    ...(from.port === null || from.port === 0 ? {} : { clientPort: from.port }),
  };
}

/** `fiber by its group (client), until 12:00:00 unless it is used again`. */
export function Held({ pin }: { pin: DecisionPin }) {
  const { route, until } = pin;
  return (
    <>
      <RouteName name={route} /> by {holderOf(pin, until === null ? null : clockText(until))}
    </>
  );
}

export function Why({ decision }: { decision: Decision }) {
  const { client, destination, route, criterion, reasons, service, protocol, open } = decision;
  const words = explainDecision(decision);
  const verb = open === true ? 'goes by' : 'went by';
  const to = endpointOf(destination);
  return (
    <div class="why">
      <p class="why-who">
        <code>{client}</code> <span class="muted">to</span>{' '}
        {to === null ? (
          <code>{destination}</code>
        ) : (
          <a href={hrefTo('destinations', { prefix: to.address })}>
            <code>{destination}</code>
          </a>
        )}
        {protocol !== undefined && <span class="muted"> {protocol}</span>}
      </p>
      <p class="why-result">
        {route === null ? (
          <strong class="bad">went nowhere</strong>
        ) : (
          <>
            {verb} <RouteName name={route} linked />
          </>
        )}
        {words !== '' && `: ${words}`}
      </p>
      <Race decision={decision} />
      <dl class="facts">
        <Fact name={decision.by === 'kernel' ? 'Looked at' : 'Decided'}>
          {clockText(decision.time)} {BY[decision.by ?? 'race']}
        </Fact>
        <Fact name="Service">{service ?? 'none: the rest route'}</Fact>
        <Fact name="Chosen by">{[criterion, ...reasons].join(', ')}</Fact>
        {decision.lead !== undefined && (
          <Fact name="Won by">
            {formatMillis(decision.lead.micros)} over <RouteName name={decision.lead.over} />
          </Fact>
        )}
        {decision.memory !== undefined && (
          <Fact name="Memory said">
            <RouteName name={decision.memory.route} />, measured {formatDuration(decision.memory.ageSeconds)}{' '}
            before
          </Fact>
        )}
        {decision.pin !== undefined && (
          <Fact name="Held on">
            <Held pin={decision.pin} />
          </Fact>
        )}
        {decision.fastPath === true && <Fact name="Packets">take the kernel’s fast path</Fact>}
      </dl>
      <States decision={decision} />
      <Passed passed={decision.passed ?? []} />
    </div>
  );
}

const BY = {
  race: 'by a race',
  daemon: 'by the daemon, without copies',
  kernel: 'by the kernel alone',
} as const;

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Race({ decision }: { decision: Decision }) {
  const { routes } = decision;
  if (routes.length === 0) return null;
  const times = routes.flatMap(({ answeredMicros, sentMicros }) => [answeredMicros ?? 0, sentMicros ?? 0]);
  const scale = roundScale(Math.max(1000, ...times) * 1.02);
  return (
    <>
      <div class="why-lanes">
        <Axis scale={scale} />
        <Lanes decision={{ ...decision, routes: inOrder(routes) }} scale={scale} large />
      </div>
      <div class="scroll-x" tabIndex={0} role="group" aria-label="What each route did">
        <table class="plain">
          <thead>
            <tr>
              <th scope="col">Route</th>
              <th scope="col">Copy</th>
              <th scope="col" class="number">
                Answer after
              </th>
              <th scope="col">What it did</th>
            </tr>
          </thead>
          <tbody>
            {inOrder(routes).map((attempt) => (
              <Attempt key={attempt.route} attempt={attempt} decision={decision} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Its quarters are short numbers. */
function roundScale(micros: number): number {
  const power = 10 ** Math.floor(Math.log10(micros));
  return power * (SCALES.find((scale) => scale * power >= micros) ?? 10);
}

const SCALES = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10] as const;

function Attempt({ attempt, decision }: { attempt: AttemptReport; decision: Decision }) {
  const won = attempt.route === decision.route;
  return (
    <tr class={won ? 'won' : ''}>
      <th scope="row">
        <RouteName name={attempt.route} />
      </th>
      <td class="nowrap">{sentText(attempt)}</td>
      <td class="number nowrap">{attempt.rttMicros === undefined ? '–' : formatMillis(attempt.rttMicros)}</td>
      <td>{attemptWords(attempt, won, decision)}</td>
    </tr>
  );
}

function States({ decision }: { decision: Decision }) {
  const states = Object.entries(decision.states ?? {});
  if (states.length === 0) return null;
  return (
    <section>
      <h3>Routes at that time</h3>
      <ul class="inline-list">
        {states.map(([name, state]) => (
          <li key={name}>
            <RouteName name={name} /> <StateBadge state={state} />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Passed({ passed }: { passed: NonNullable<Decision['passed']> }) {
  if (passed.length === 0) return null;
  return (
    <section>
      <h3>Services before it that did not match</h3>
      <ul class="plain-list">
        {passed.map(({ service, why }) => (
          <li key={service}>
            <strong>{service}</strong>: {why}
          </li>
        ))}
      </ul>
    </section>
  );
}
