/** One route: the evidence for its state, its times and traffic over two hours, and, for who may operate, commands. */
import { useSignal } from '@preact/signals';
import type { RouteCommand, RouteDetail, RouteLane, RouteSample } from '../../../src/api/contract.js';
import {
  formatCount,
  formatDuration,
  formatMillis,
  formatRate,
  formatShare,
} from '../../../src/api/words/numbers.js';
import { routeReasonText } from '../../../src/api/words/routes.js';
import { Chart } from '../parts/chart.js';
import { Dialog } from '../parts/dialog.js';
import { Empty, Failure } from '../parts/empty.js';
import { RouteName, StateBadge } from '../parts/route-name.js';
import { Typed } from '../parts/typed.js';
import { api, errorText } from '../state/api.js';
import { clockText, secondsSince } from '../state/clock.js';
import { askStatus } from '../state/live.js';
import { colourOf } from '../state/palette.js';
import { usePolled } from '../state/polling.js';
import { hrefTo } from '../state/routing.js';
import { mayOperate } from '../state/session.js';
import { quotaText, RouteCharts, reasonsOf } from './overview/route-card.js';

const ASK_EVERY_MS = 5000;

export function RouteView({ name }: { name: string }) {
  const ask = () => api.call('GET /v1/routes/{name}', { params: { name } });
  const [{ value, error }, again] = usePolled(`route ${name}`, ask, ASK_EVERY_MS);
  return (
    <div class="view route-view">
      <header class="view-head">
        <h1>
          <RouteName name={name} />
        </h1>
        {value !== null && <StateBadge state={value.state} />}
        {value !== null && (
          <p>
            for {formatDuration(secondsSince(value.since))}: {reasonsOf(value)}
          </p>
        )}
      </header>
      {error !== null && <Failure text={error} />}
      {value === null && error === null && <Empty>Asking the gateway …</Empty>}
      {value !== null && (
        <>
          {mayOperate.value && <Commands route={value} onDone={again} />}
          <section class="panel">
            <header class="panel-head">
              <h2>Last two minutes</h2>
            </header>
            <RouteCharts name={name} height={110} />
          </section>
          <section class="panel">
            <header class="panel-head">
              <h2>Minute by minute, up to two hours</h2>
            </header>
            <Hours name={name} samples={value.minutes} />
          </section>
          <Facts route={value} />
        </>
      )}
    </div>
  );
}

/** Seconds. A gateway that has just started has no two hours to show. */
const TWO_HOURS = 7200;
const LEAST_SPAN = 600;

function Hours({ name, samples }: { name: string; samples: readonly RouteSample[] }) {
  if (samples.length === 0)
    return <Empty>A minute after its start the gateway has something to show here.</Empty>;
  const times = samples.map(({ time }) => Date.parse(time) / 1000);
  const line = (pick: (sample: RouteSample) => number | null) => samples.map(pick);
  const known = times[times.length - 1] - times[0];
  const common = { times, height: 110, span: Math.min(TWO_HOURS, Math.max(LEAST_SPAN, known)) } as const;
  return (
    <div class="charts">
      <Chart
        {...common}
        title="Answer"
        least={2000}
        format={formatMillis}
        lines={[{ label: '', values: line((one) => one.rttMicros), colour: colourOf(name) }]}
      />
      <Chart
        {...common}
        title="Traffic"
        least={10_000}
        format={formatRate}
        lines={[
          { label: '↓', values: line((one) => one.in), colour: colourOf(name) },
          { label: '↑', values: line((one) => one.out), colour: 'var(--muted)', dashed: true },
        ]}
      />
    </div>
  );
}

function Facts({ route }: { route: RouteDetail }) {
  const { attempts, wins, losses, rescues, connections, interface: link, addresses, gateways } = route;
  return (
    <section class="panel">
      <header class="panel-head">
        <h2>What is known of it</h2>
      </header>
      <ul class="plain-list evidence">
        {route.evidence.map((lane) => (
          <Evidence key={lane.family} lane={lane} />
        ))}
      </ul>
      <dl class="facts">
        <dt>Copies sent</dt>
        <dd>
          {formatCount(attempts)}; {formatCount(wins)} won, {formatCount(losses)} lost
        </dd>
        <dt>Rescues</dt>
        <dd>{formatCount(rescues)} connections that it left unanswered, taken over by others</dd>
        <dt>Connections</dt>
        <dd>
          <a href={hrefTo('flows', { route: route.name })}>{formatCount(connections)} open</a>
        </dd>
        <dt>Interface</dt>
        <dd>
          {link}, next hop {gateways.join(', ') || 'none'}
        </dd>
        <dt>Addresses</dt>
        <dd class="address">{addresses.join(', ') || 'none'}</dd>
        <dt>Cost, weight</dt>
        <dd>
          {route.cost === 0 ? 'no cost' : `${route.cost} a gigabyte`}, weight {route.weight}
          {route.capacity !== null && `, capacity ${formatRate(route.capacity)}`}
          {route.lastResort && ', last resort'}
        </dd>
        <dt>This period</dt>
        <dd>{quotaText(route.quota)}</dd>
        <dt>Ports</dt>
        <dd>{formatShare(route.portUse)} in use towards the busiest server</dd>
        {route.check !== undefined && (
          <>
            <dt>Own checks</dt>
            <dd>
              {route.check.ok ? 'succeed' : 'fail'}
              {route.check.rttMicros !== null && `, ${formatMillis(route.check.rttMicros)}`}
              {route.check.lastOk !== null && `, last ok ${clockText(route.check.lastOk)}`}
            </dd>
          </>
        )}
        <dt>Services</dt>
        <dd>{route.services.join(', ') || 'none may choose it'}</dd>
        <dt>Held on it</dt>
        <dd>{formatCount(route.pins)} destinations, by command</dd>
      </dl>
    </section>
  );
}

function Evidence({ lane }: { lane: RouteLane }) {
  const { family, carries, state, reason, since, gateway } = lane;
  return (
    <li>
      <strong>{family === 'ipv4' ? 'IPv4' : 'IPv6'}</strong>{' '}
      {carries ? (
        <>
          <StateBadge state={state} /> {routeReasonText(reason)}, for {formatDuration(secondsSince(since))}
          {gateway !== null && <span class="muted">, by {gateway}</span>}
        </>
      ) : (
        <span class="muted">is not carried: link, address or next hop is missing</span>
      )}
    </li>
  );
}

const COMMANDS: readonly { readonly command: RouteCommand; readonly name: string; readonly words: string }[] =
  [
    { command: 'drain', name: 'Drain', words: 'It keeps the connections that it has and takes nothing new.' },
    { command: 'undrain', name: 'Take new ones again', words: 'New connections use it again.' },
    {
      command: 'disable',
      name: 'Disable',
      words:
        'It is used for nothing until it is enabled; its connections go on or are cut as `onDown` of the configuration says.',
    },
    { command: 'enable', name: 'Enable', words: 'It is used again.' },
    { command: 'kill', name: 'Cut its connections', words: 'Every connection that it carries is cut now.' },
  ];

function Commands({ route, onDone }: { route: RouteDetail; onDone: () => void }) {
  const asked = useSignal<(typeof COMMANDS)[number] | null>(null);
  const said = useSignal('');
  const error = useSignal<string | null>(null);
  const fitting = COMMANDS.filter(({ command }) => {
    if (command === 'undrain') return route.state === 'draining';
    if (command === 'enable') return route.state === 'disabled';
    if (command === 'drain') return route.state !== 'draining' && route.state !== 'disabled';
    return command !== 'disable' || route.state !== 'disabled';
  });
  const run = async (command: RouteCommand): Promise<void> => {
    error.value = null;
    try {
      const report = await api.call('POST /v1/routes/{name}/{command}', {
        params: { name: route.name, command },
      });
      said.value = `${report.route} is ${report.state}; ${formatCount(report.cut)} connections were cut.`;
    } catch (caught) {
      error.value = errorText(caught);
    }
    askStatus();
    onDone();
  };
  return (
    <section class="commands" aria-label="Commands">
      {fitting.map((one) => (
        <button
          key={one.command}
          type="button"
          onClick={() => {
            asked.value = one;
          }}
        >
          {one.name}
        </button>
      ))}
      <span role="status">{said.value}</span>
      {error.value !== null && <Failure text={error.value} />}
      {asked.value !== null && (
        <Dialog
          title={`${asked.value.name}: ${route.name}`}
          onClose={() => {
            asked.value = null;
          }}
        >
          <p>
            <Typed text={asked.value.words} />
          </p>
          <p>It carries {formatCount(route.connections)} connections now.</p>
          <form method="dialog" class="row end">
            <button type="submit">Leave it</button>
            <button
              type="submit"
              class="danger"
              onClick={() => {
                run(asked.value?.command ?? 'undrain').catch(() => undefined);
              }}
            >
              {asked.value.name}
            </button>
          </form>
        </Dialog>
      )}
    </section>
  );
}
