/** Which connections are meant. The address of the page carries it, so that a link to it says the same. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { routes } from '../state/live.js';
import { goTo } from '../state/routing.js';

export type FlowQuery = Readonly<Partial<Record<string, string>>>;

const FIELDS = [
  { key: 'client', name: 'Client', hint: '192.168.1.20' },
  { key: 'destination', name: 'Destination', hint: '203.0.113.7' },
  { key: 'port', name: 'Port', hint: '443' },
  { key: 'service', name: 'Service', hint: 'web' },
] as const;

export function FlowFilters({ query, kind }: { query: FlowQuery; kind: string }) {
  const typed = useSignal<FlowQuery>(query);
  const key = JSON.stringify(query);
  // What is typed follows the address of the page.
  useEffect(() => {
    typed.value = query;
  }, [key]);
  const go = (more: FlowQuery = {}): void => goTo('flows', { ...filled({ ...typed.value, ...more }), kind });
  const choose = (name: string) => ({
    value: typed.value[name] ?? '',
    onChange: ({ currentTarget }: { currentTarget: HTMLSelectElement }) =>
      go({ [name]: currentTarget.value }),
  });
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      {FIELDS.map(({ key: name, name: label, hint }, at) => (
        <label key={name} class={name === 'port' ? 'narrow' : ''}>
          {label}
          <input
            {...(at === 0 ? { 'data-search': true } : {})}
            value={typed.value[name] ?? ''}
            placeholder={hint}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => {
              typed.value = { ...typed.value, [name]: currentTarget.value.trim() };
            }}
            onChange={() => go()}
          />
        </label>
      ))}
      <label>
        Route
        <select {...choose('route')}>
          <option value="">any</option>
          {routes.value.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {kind === 'open' ? (
        <label>
          Protocol
          <select {...choose('protocol')}>
            <option value="">any</option>
            {['tcp', 'udp', 'icmp', 'icmpv6'].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      ) : (
        <label>
          Outcome
          <select {...choose('outcome')}>
            <option value="">any</option>
            <option value="won">a race gave it a route</option>
            <option value="failed">no route said yes</option>
            <option value="single">one route, no race</option>
          </select>
        </label>
      )}
      <button type="submit" class="hidden">
        Show
      </button>
    </form>
  );
}

function filled(query: FlowQuery): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([key, value]) => [key, value ?? '']));
}
