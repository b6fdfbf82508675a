/** One destination: what each route took, and, for who may operate, to forget it or to hold it on a route. */
import { useSignal } from '@preact/signals';
import type { MemoryEntry } from '../../../src/api/contract.js';
import { destinationText } from '../../../src/api/words/memory.js';
import { formatDuration, formatMillis } from '../../../src/api/words/numbers.js';
import { Dialog } from '../parts/dialog.js';
import { Failure } from '../parts/empty.js';
import { RouteName } from '../parts/route-name.js';
import { api, errorText } from '../state/api.js';
import { routes } from '../state/live.js';
import { hrefTo } from '../state/routing.js';
import { mayOperate } from '../state/session.js';

interface DrawerProps {
  readonly entry: MemoryEntry;
  readonly onChange: () => void;
  readonly onClose: () => void;
}

export function DestinationDrawer({ entry, onChange, onClose }: DrawerProps) {
  const address = entry.destination.split('/')[0];
  return (
    <Dialog title={destinationText(entry)} drawer onClose={onClose}>
      <p>
        {entry.trusted
          ? 'A new connection goes by the fastest, without a race.'
          : 'Not enough to decide alone: the next connection is raced.'}
      </p>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col" class="number">
              Time
            </th>
            <th scope="col">Answer</th>
            <th scope="col">Measured</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(entry.routes).map(([name, { rttMicros, answer, ageSeconds }]) => (
            <tr key={name} class={entry.best === name ? 'won' : ''}>
              <th scope="row">
                <RouteName name={name} />
              </th>
              <td class="number nowrap">{rttMicros === null ? '–' : formatMillis(rttMicros)}</td>
              <td>{answer}</td>
              <td class="nowrap">{formatDuration(ageSeconds)} ago</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>
        <a href={hrefTo('flows', { destination: address })}>Connections to it</a>
      </p>
      {mayOperate.value && <Orders address={address} entry={entry} onChange={onChange} onClose={onClose} />}
    </Dialog>
  );
}

const HOLDS = [
  { seconds: 600, name: '10 minutes' },
  { seconds: 3600, name: 'an hour' },
  { seconds: 86_400, name: 'a day' },
] as const;

function Orders({ address, entry, onChange, onClose }: DrawerProps & { address: string }) {
  const route = useSignal(entry.best ?? routes.value[0]?.name ?? '');
  const seconds = useSignal(600);
  const said = useSignal<string | null>(null);
  const error = useSignal<string | null>(null);
  const order = (action: () => Promise<string>): void => {
    error.value = null;
    action()
      .then((words) => {
        said.value = words;
        onChange();
      })
      .catch((caught) => {
        error.value = errorText(caught);
      });
  };
  const hold = async (): Promise<string> => {
    const pin = await api.call('POST /v1/memory/pins', {
      body: { destination: address, route: route.value, seconds: seconds.value },
    });
    return `New connections to ${pin.destination} go by ${pin.route} for ${formatDuration(seconds.value)}.`;
  };
  const forget = async (): Promise<string> => {
    await api.call('DELETE /v1/memory', { query: { prefix: entry.destination } });
    onClose();
    return '';
  };
  return (
    <section class="orders">
      <h3>Hold or forget</h3>
      <div class="row">
        <label>
          Route
          <select
            value={route.value}
            onChange={({ currentTarget }) => {
              route.value = currentTarget.value;
            }}
          >
            {routes.value.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          For
          <select
            value={seconds.value}
            onChange={({ currentTarget }) => {
              seconds.value = Number(currentTarget.value);
            }}
          >
            {HOLDS.map((one) => (
              <option key={one.seconds} value={one.seconds}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => order(hold)}>
          Hold it there
        </button>
        <button type="button" onClick={() => order(forget)}>
          Forget it
        </button>
      </div>
      <p role="status">{said.value}</p>
      {error.value !== null && <Failure text={error.value} />}
    </section>
  );
}
