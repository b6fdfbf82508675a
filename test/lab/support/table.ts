/** The gateway's nft table as nft lists it: which objects there are, and what is in a set or map. */
import type { GatewayLab } from './gateway-lab.js';

export interface TableElement {
  readonly key: string;
  /** The mark that a map says; null in a set. */
  readonly value: number | null;
  /** Seconds until it times out; null: never. */
  readonly expires: number | null;
}

/** Names of chains, sets, maps and counters, each with its kind, in an order of their own. */
export async function tableObjects(made: GatewayLab): Promise<string[]> {
  const items = await listing(made, ['-t', 'list', 'table', 'inet', 'pathrace']);
  return items
    .flatMap((item) => Object.entries(item))
    .filter(([kind]) => ['chain', 'set', 'map', 'counter'].includes(kind))
    .map(([kind, { name }]) => `${kind} ${name}`)
    .sort();
}

/** The elements of a set or map; null when there is none of this name. */
export async function elementsOf(made: GatewayLab, name: string): Promise<TableElement[] | null> {
  for (const kind of ['map', 'set'] as const) {
    const items = await listing(made, ['list', kind, 'inet', 'pathrace', name]).catch(() => null);
    const found = items?.find((item) => item[kind] !== undefined)?.[kind];
    if (found !== undefined) return (found.elem ?? []).map((element) => read(element, kind === 'map'));
  }
  return null;
}

/** `key value` of each element, in an order of their own: what two listings are compared by. */
export function texts(elements: readonly TableElement[] | null): string[] {
  return (elements ?? []).map(({ key, value }) => `${key} ${value}`).sort();
}

type Item = Record<string, { readonly name: string; readonly elem?: readonly unknown[] }>;

async function listing({ lab }: GatewayLab, words: readonly string[]): Promise<Item[]> {
  const text = await lab.gateway.must(['nft', '-j', ...words]);
  return (JSON.parse(text) as { nftables: Item[] }).nftables;
}

function read(element: unknown, isMap: boolean): TableElement {
  const [left, value] = (isMap ? element : [element, null]) as [unknown, number | null];
  const timed = (left as { elem?: { val: unknown; expires?: number } } | null)?.elem;
  const key = timed?.val ?? left;
  const text = typeof key === 'object' ? (key as { concat: unknown[] }).concat.join(' . ') : String(key);
  return { key: text, value, expires: timed?.expires ?? null };
}
