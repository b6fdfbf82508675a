/** Services in the order in which they match, with what each took; and what would happen to a new connection. */
import { useRef } from 'preact/hooks';
import type { ServicePlan, ServiceStatus } from '../../../src/api/contract.js';
import { formatCount, formatShare } from '../../../src/api/words/numbers.js';
import { Empty, Failure } from '../parts/empty.js';
import { RouteName } from '../parts/route-name.js';
import { api } from '../state/api.js';
import { routes } from '../state/live.js';
import { colourOf } from '../state/palette.js';
import { usePolled } from '../state/polling.js';
import { WhatIfForm } from './what-if.js';

const ASK_EVERY_MS = 2000;

export function Services() {
  const [{ value, error, askedAt }] = usePolled('services', () => api.call('GET /v1/services'), ASK_EVERY_MS);
  const rates = useRates(value, askedAt);
  return (
    <div class="view">
      <header class="view-head">
        <h1>Services</h1>
        <p>The first that matches takes a new connection.</p>
      </header>
      <WhatIfForm />
      {error !== null && <Failure text={error} />}
      {value !== null && value.length === 0 && (
        <Empty>No service is configured: every new connection goes by the rest route.</Empty>
      )}
      {value !== null && value.length > 0 && (
        <ol class="services">
          {value.map((service, at) => (
            <Service
              key={service.name}
              service={service}
              place={at + 1}
              rate={rates.get(service.name) ?? null}
            />
          ))}
        </ol>
      )}
    </div>
  );
}

/** Hits a second since the answer before. */
function useRates(value: readonly ServiceStatus[] | null, askedAt: number): ReadonlyMap<string, number> {
  const before = useRef<{ at: number; hits: Map<string, number> }>({ at: 0, hits: new Map() });
  // BOUNDED: services.
  const rates = useRef<Map<string, number>>(new Map());
  if (value !== null && askedAt !== before.current.at) {
    const seconds = (askedAt - before.current.at) / 1000;
    rates.current = new Map(
      value.flatMap(({ name, hits }) => {
        const last = before.current.hits.get(name);
        return last === undefined || seconds <= 0 || hits < last
          ? []
          : [[name, (hits - last) / seconds] as const];
      }),
    );
    before.current = { at: askedAt, hits: new Map(value.map(({ name, hits }) => [name, hits])) };
  }
  return rates.current;
}

interface ServiceProps {
  readonly service: ServiceStatus;
  readonly place: number;
  readonly rate: number | null;
}

function Service({ service, place, rate }: ServiceProps) {
  const { name, match, select, affinity, active, plan, hits } = service;
  const isSame = JSON.stringify(plan.ipv4) === JSON.stringify(plan.ipv6);
  return (
    <li class={active ? 'service' : 'service inactive'}>
      <span class="service-place" aria-hidden="true">
        {place}
      </span>
      <div class="service-what">
        <h2>
          {name} {!active && <span class="badge state-disabled">not at this time</span>}
        </h2>
        <p class="code-line">{match === '' ? 'everything' : match}</p>
        <p class="muted">
          chosen by <strong>{select}</strong>
          {affinity !== '' && affinity !== 'none' && `, together by ${affinity}`}
        </p>
      </div>
      <div class="service-plan">
        <h3>Now, in the kernel</h3>
        {isSame ? (
          <Plan plan={plan.ipv4} />
        ) : (
          <>
            <Plan plan={plan.ipv4} family="IPv4" />
            <Plan plan={plan.ipv6} family="IPv6" />
          </>
        )}
      </div>
      <div class="service-hits">
        <strong>{formatCount(hits)}</strong>
        <span class="muted">
          taken{rate !== null && `, ${rate < 10 ? rate.toFixed(1) : formatCount(Math.round(rate))} /s`}
        </span>
      </div>
    </li>
  );
}

const KINDS: Readonly<Record<ServicePlan['kind'], string>> = {
  race: 'copies decide',
  memory: 'what is remembered decides, else copies',
  turns: 'the kernel takes turns',
  hash: 'the kernel, by hash',
  one: 'the kernel, one route',
  daemon: 'the daemon chooses each',
  rest: 'as what no service takes',
  none: 'no route of it can carry this',
};

function Plan({ plan, family }: { plan: ServicePlan; family?: string }) {
  const order = new Map(routes.value.map(({ name }, at) => [name, at]));
  const placeOf = ([name]: [string, number]): number => order.get(name) ?? order.size;
  const shares = Object.entries(plan.routes).sort((a, b) => placeOf(a) - placeOf(b));
  return (
    <div class="plan">
      <p>
        {family !== undefined && <span class="muted">{family} </span>}
        {KINDS[plan.kind] ?? plan.kind}
      </p>
      {shares.length > 0 && (
        <>
          <span class="shares" aria-hidden="true">
            {shares.map(([name, share]) => (
              <span key={name} style={{ width: `${100 * share}%`, background: colourOf(name) }} />
            ))}
          </span>
          <ul class="inline-list">
            {shares.map(([name, share]) => (
              <li key={name}>
                <RouteName name={name} /> {formatShare(share)}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
