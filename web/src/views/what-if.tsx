/** What would happen to a new connection now: asked of the daemon, which sends nothing for it. */
import { useSignal } from '@preact/signals';
import type { WhatIf, WhatIfOutcome, WhatIfRoute } from '../../../src/api/contract.js';
import { formatMillis, formatShare } from '../../../src/api/words/numbers.js';
import { WHAT_IF_PROTOCOLS } from '../../../src/api/words/protocols.js';
import { Failure } from '../parts/empty.js';
import { RouteName, StateBadge } from '../parts/route-name.js';
import { endpointOf, Held, Passed } from '../parts/why.js';
import { api, errorText } from '../state/api.js';

export function WhatIfForm() {
  const client = useSignal('');
  const destination = useSignal('');
  const dscp = useSignal('');
  const answer = useSignal<WhatIf | null>(null);
  const error = useSignal<string | null>(null);
  const isAsking = useSignal(false);
  const ask = async (): Promise<void> => {
    const named = dscp.value === '' ? {} : { dscp: Number(dscp.value) };
    const wanted = { ...destinationOf(destination.value), ...named };
    isAsking.value = true;
    error.value = null;
    try {
      answer.value = await api.call('GET /v1/what-if', { query: { client: client.value.trim(), ...wanted } });
    } catch (caught) {
      answer.value = null;
      error.value = errorText(caught);
    } finally {
      isAsking.value = false;
    }
  };
  return (
    <section class="panel what-if">
      <header class="panel-head">
        <h2>What if</h2>
        <p class="panel-note">a new connection came now? Nothing is sent for it.</p>
      </header>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          ask().catch(() => undefined);
        }}
      >
        <label>
          From client
          <input
            data-search
            required
            value={client.value}
            placeholder="192.168.1.20"
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              client.value = currentTarget.value;
            }}
          />
        </label>
        <label class="wide">
          To destination, with port or without
          <input
            required
            value={destination.value}
            placeholder="www.example.net:443, 192.0.2.1:53/udp, or 192.0.2.1/gre"
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              destination.value = currentTarget.value;
            }}
          />
        </label>
        <label>
          DSCP
          <input
            type="number"
            min={0}
            max={63}
            value={dscp.value}
            placeholder="0"
            onInput={({ currentTarget }) => {
              dscp.value = currentTarget.value;
            }}
          />
        </label>
        <button type="submit" class="primary" disabled={isAsking.value}>
          Ask
        </button>
      </form>
      <div role="status">
        {error.value !== null && <Failure text={error.value} />}
        {answer.value?.outcomes.map((outcome) => (
          <Outcome key={outcome.destination} outcome={outcome} />
        ))}
        {answer.value !== null && answer.value.outcomes.length === 0 && (
          <Failure text={`${answer.value.destination} has no address.`} />
        )}
      </div>
    </section>
  );
}

/** `NAME:443/udp` in its parts. */
function destinationOf(text: string): { destination: string; port?: number; protocol?: WhatIf['protocol'] } {
  const [where, typed] = text.trim().split('/');
  const protocol = WHAT_IF_PROTOCOLS.find((one) => one === typed);
  const named = /^([^:[\]]+):(\d+)$/.exec(where);
  const found = named === null ? endpointOf(where) : { address: named[1], port: Number(named[2]) };
  return {
    destination: found?.address ?? where,
    ...(found?.port == null ? {} : { port: found.port }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

function Outcome({ outcome }: { outcome: WhatIfOutcome }) {
  const { destination, text, routes, passed, memory, pin, notes, mayMeasure } = outcome;
  return (
    <article class="outcome">
      <h3>
        <code>{destination}</code>
      </h3>
      <p class="outcome-text">{text}</p>
      <div class="outcome-columns">
        <div>
          {routes.length > 0 && (
            <ul class="plain-list outcome-routes">
              {routes.map((route) => (
                <li key={route.route}>
                  <RouteName name={route.route} linked /> <StateBadge state={route.state} />{' '}
                  <strong>{partText(route)}</strong> <span class="muted">{route.why}</span>
                </li>
              ))}
            </ul>
          )}
          {memory !== null && memory.best !== null && (
            <p>
              Memory: <RouteName name={memory.best} /> was the fastest to {memory.destination}
              {memory.trusted ? '' : ', not enough to decide alone'}.
            </p>
          )}
          {pin !== null && (
            <p>
              Held on <Held pin={pin} />.
            </p>
          )}
          {mayMeasure === true && (
            <p class="muted">Now and then it is raced all the same, to measure again.</p>
          )}
        </div>
        <div>
          <Passed passed={passed} />
          {notes.map((note) => (
            <p class="muted" key={note}>
              {note}
            </p>
          ))}
        </div>
      </div>
    </article>
  );
}

const PARTS: Readonly<Record<WhatIfRoute['part'], string>> = {
  carries: 'carries it',
  'may-carry': 'may carry it',
  races: 'races at once',
  waits: 'races later',
  measured: 'is measured only',
  'left-out': 'is left out',
};

function partText({ part, afterMicros, share }: WhatIfRoute): string {
  const after = afterMicros === undefined ? '' : `, after ${formatMillis(afterMicros)}`;
  const of = share === undefined ? '' : `, ${formatShare(share)}`;
  return `${PARTS[part] ?? part}${after}${of}`;
}
