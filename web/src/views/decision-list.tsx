/** Decisions that are remembered, newest first. */
import { useSignal } from '@preact/signals';
import type { Decision } from '../../../src/api/contract.js';
import { explainDecision } from '../../../src/api/words/decisions.js';
import { formatCount } from '../../../src/api/words/numbers.js';
import { Empty, Failure } from '../parts/empty.js';
import { RouteName } from '../parts/route-name.js';
import { WhyDrawer } from '../parts/why.js';
import { api } from '../state/api.js';
import { clockText } from '../state/clock.js';
import { usePolled } from '../state/polling.js';
import type { FlowQuery } from './flow-filters.js';
import { Pages } from './flows.js';

const PAGE = 100;
const ASK_EVERY_MS = 3000;

export function DecisionList({ query }: { query: FlowQuery }) {
  // BOUNDED: pages that somebody has walked through.
  const cursors = useSignal<readonly string[]>([]);
  const chosen = useSignal<Decision | null>(null);
  const cursor = cursors.value.at(-1);
  const ask = () =>
    api.call('GET /v1/decisions', {
      query: { ...decisionQuery(query), limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
    });
  const what = `decisions ${JSON.stringify(query)} ${cursor}`;
  const [{ value, error }] = usePolled(what, ask, cursor === undefined ? ASK_EVERY_MS : 0);
  return (
    <>
      {error !== null && <Failure text={error} />}
      {value !== null && value.decisions.length === 0 && <Empty>No such decision is remembered.</Empty>}
      {value !== null && value.decisions.length > 0 && (
        <Table
          decisions={value.decisions}
          onChoose={(decision) => {
            chosen.value = decision;
          }}
        />
      )}
      {value !== null && (
        <Pages
          words={`${formatCount(value.decisions.length)} shown${
            value.oldest === null
              ? ''
              : `; the oldest that is remembered was made at ${clockText(value.oldest)}`
          }`}
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

type Outcome = 'won' | 'failed' | 'single';

function decisionQuery({ outcome, port, client, destination, route, service }: FlowQuery) {
  return {
    ...(client ? { client } : {}),
    ...(destination ? { destination } : {}),
    ...(port ? { port: Number(port) } : {}),
    ...(route ? { route } : {}),
    ...(service ? { service } : {}),
    ...(outcome === 'won' || outcome === 'failed' || outcome === 'single'
      ? { outcome: outcome as Outcome }
      : {}),
  };
}

interface TableProps {
  readonly decisions: readonly Decision[];
  readonly onChoose: (decision: Decision) => void;
}

function Table({ decisions, onChoose }: TableProps) {
  return (
    <section class="scroll-x" tabIndex={0} aria-label="Decisions">
      <table class="plain rows decided">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Client</th>
            <th scope="col">Destination</th>
            <th scope="col">Route</th>
            <th scope="col">Service</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {decisions.map((decision) => (
            <tr key={decision.id ?? `${decision.time} ${decision.client}`}>
              <td class="nowrap">{clockText(decision.time)}</td>
              <td class="address">{decision.client}</td>
              <td class="address">
                <button type="button" class="link stretched" onClick={() => onChoose(decision)}>
                  {decision.destination}
                </button>
              </td>
              <td>
                {decision.route === null ? (
                  <strong class="bad">none</strong>
                ) : (
                  <RouteName name={decision.route} />
                )}
              </td>
              <td>{decision.service ?? <span class="muted">none</span>}</td>
              <td class="muted">{explainDecision(decision)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
