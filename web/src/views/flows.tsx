/** Connections that live, and decisions that were made: each with its why. */
import { useSignal } from '@preact/signals';
import type { Decision, Flow } from '../../../src/api/contract.js';
import { meaningOf } from '../../../src/api/words/decisions.js';
import { formatCount } from '../../../src/api/words/numbers.js';
import { Empty, Failure } from '../parts/empty.js';
import { RouteName } from '../parts/route-name.js';
import { WhyDrawer } from '../parts/why.js';
import { api } from '../state/api.js';
import { clockText } from '../state/clock.js';
import { usePolled } from '../state/polling.js';
import { goTo, place } from '../state/routing.js';
import { DecisionList } from './decision-list.js';
import { FlowFilters, type FlowQuery } from './flow-filters.js';

const PAGE = 100;
const ASK_EVERY_MS = 4000;

export function Flows() {
  const { kind = 'open', ...query } = place.value.query;
  return (
    <div class="view">
      <header class="view-head">
        <h1>Flows</h1>
        <p>Connections with the route that carries each. Choose one to see why.</p>
      </header>
      <div class="tabs" role="group" aria-label="Which">
        <Tab kind="open" now={kind} query={query}>
          Open now
        </Tab>
        <Tab kind="decided" now={kind} query={query}>
          Decided lately
        </Tab>
      </div>
      <FlowFilters query={query} kind={kind} />
      {kind === 'decided' ? <DecisionList query={query} /> : <OpenFlows query={query} />}
    </div>
  );
}

interface TabProps {
  readonly kind: string;
  readonly now: string;
  readonly query: FlowQuery;
  readonly children: string;
}

function Tab({ kind, now, query, children }: TabProps) {
  const isChosen = kind === now;
  return (
    <button
      type="button"
      aria-pressed={isChosen}
      class={isChosen ? 'tab chosen' : 'tab'}
      onClick={() => goTo('flows', { ...withoutOther(query, kind), kind })}
    >
      {children}
    </button>
  );
}

/** Each list has a filter that the other has not. */
function withoutOther(
  { protocol = '', outcome = '', ...both }: FlowQuery,
  kind: string,
): Record<string, string> {
  return kind === 'open' ? { ...both, protocol } : { ...both, outcome };
}

function OpenFlows({ query }: { query: FlowQuery }) {
  // BOUNDED: pages that somebody has walked through.
  const cursors = useSignal<readonly string[]>([]);
  const chosen = useSignal<Decision | null>(null);
  const cursor = cursors.value.at(-1);
  const asked = JSON.stringify(query);
  const ask = () =>
    api.call('GET /v1/flows', {
      query: { ...flowQuery(query), limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
    });
  const [{ value, error }] = usePolled(
    `flows ${asked} ${cursor}`,
    ask,
    cursor === undefined ? ASK_EVERY_MS : 0,
  );
  return (
    <>
      {error !== null && <Failure text={error} />}
      {value !== null && value.flows.length === 0 && <Empty>No such connection is open.</Empty>}
      {value !== null && value.flows.length > 0 && (
        <FlowTable
          flows={value.flows}
          onChoose={(flow) => {
            chosen.value = flow.decision ?? standIn(flow, value.time);
          }}
        />
      )}
      {value !== null && (
        <Pages
          words={`${formatCount(value.flows.length)} shown, as they were at ${clockText(value.time)}`}
          hasBefore={cursors.value.length > 0}
          next={value.next}
          onBefore={() => {
            cursors.value = cursors.value.slice(0, -1);
          }}
          onNext={(next) => {
            cursors.value = [...cursors.value, next];
          }}
        />
      )}
      {chosen.value !== null && (
        <WhyDrawer
          decision={chosen.value}
          onClose={() => {
            chosen.value = null;
          }}
        />
      )}
    </>
  );
}

const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmpv6'] as const;
type Protocol = (typeof PROTOCOLS)[number];

function flowQuery({ protocol, port, client, destination, route, service }: FlowQuery) {
  return {
    ...(client ? { client } : {}),
    ...(destination ? { destination } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(route ? { route } : {}),
    ...(service ? { service } : {}),
    ...(PROTOCOLS.includes(protocol as Protocol) ? { protocol: protocol as Protocol } : {}),
  };
}

/** What the kernel has decided alone has no decision: its why is asked for, and this is shown until then. */
function standIn(
  { client, destination, protocol, reason, route, service, fastPath }: Flow,
  time: string,
): Decision {
  const base = { time, by: 'kernel', open: true, client, destination, protocol, route, service } as const;
  return { ...base, criterion: reason, reasons: [], routes: [], ...(fastPath === true ? { fastPath } : {}) };
}

function FlowTable({ flows, onChoose }: { flows: readonly Flow[]; onChoose: (flow: Flow) => void }) {
  return (
    <section class="scroll-x" tabIndex={0} aria-label="Open connections">
      <table class="plain rows open-flows">
        <thead>
          <tr>
            <th scope="col">Client</th>
            <th scope="col">Destination</th>
            <th scope="col">Protocol</th>
            <th scope="col">Route</th>
            <th scope="col">Service</th>
            <th scope="col">How it came to it</th>
          </tr>
        </thead>
        <tbody>
          {flows.map((flow) => (
            <tr key={`${flow.protocol} ${flow.client} ${flow.destination}`}>
              <td class="address">{flow.client}</td>
              <td class="address">
                <button type="button" class="link stretched" onClick={() => onChoose(flow)}>
                  {flow.destination}
                </button>
              </td>
              <td>{flow.protocol}</td>
              <td>
                {flow.route === null ? (
                  <span class="muted">not configured any more</span>
                ) : (
                  <RouteName name={flow.route} />
                )}
              </td>
              <td>{flow.service ?? <span class="muted">none</span>}</td>
              <td class="muted">{meaningOf(flow.reason)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface PagesProps {
  readonly words: string;
  readonly hasBefore: boolean;
  readonly next: string | null;
  readonly onBefore: () => void;
  readonly onNext: (cursor: string) => void;
}

export function Pages({ words, hasBefore, next, onBefore, onNext }: PagesProps) {
  return (
    <nav class="pages" aria-label="Pages">
      <span class="muted">{words}</span>
      <button type="button" disabled={!hasBefore} onClick={onBefore}>
        Back
      </button>
      <button type="button" disabled={next === null} onClick={() => next !== null && onNext(next)}>
        Next
      </button>
    </nav>
  );
}
