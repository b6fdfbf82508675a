/** Tunnels whose flows are to return to another route (render-tunnels.ts): what is known of their ends is forgotten. */
import type { Family } from '../model/address.js';
import { runCommand, tryNft } from './command.js';
import { MAP_TUNNEL, TABLE } from './constants.js';
import { type Marks, routeOfMark } from './marks.js';

/** Elements of one transaction. */
const AT_ONCE = 1000;

/** Forgets the ends that have one of these routes; how many there were. Packets may change the map meanwhile: what is not there any more is no error. */
export async function forgetTunnels(
  marks: Marks,
  family: Family,
  routes: ReadonlySet<number>,
): Promise<number> {
  const name = MAP_TUNNEL[family];
  const text = await runCommand('nft', ['-j', 'list', 'map', 'inet', TABLE, name]);
  const keys = keysOf(JSON.parse(text), (mark) => routes.has(routeOfMark(marks, mark)));
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const some = keys.slice(at, at + AT_ONCE);
    // One of them may have gone meanwhile, and all stay for that.
    const together = await tryNft(`delete element inet ${TABLE} ${name} { ${some.join(', ')} }\n`);
    if (together.code === 0) continue;
    for (const key of some) await tryNft(`delete element inet ${TABLE} ${name} { ${key} }\n`);
  }
  return keys.length;
}

/** Keys, as nft reads them, of the elements whose value fits. Exported for its test. */
export function keysOf(listed: unknown, fits: (mark: number) => boolean): string[] {
  const { nftables } = listed as { nftables: readonly { map?: { elem?: readonly unknown[] } }[] };
  return nftables.flatMap(({ map }) =>
    (map?.elem ?? []).flatMap((pair) => {
      const [element, mark] = pair as [{ elem: { val: Key } } | Key, number];
      const key = typeof element === 'object' && 'elem' in element ? element.elem.val : element;
      return fits(mark) ? [typeof key === 'number' ? String(key) : key.concat.join(' . ')] : [];
    }),
  );
}

type Key = number | { readonly concat: readonly string[] };
