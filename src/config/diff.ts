/** What differs between two configurations, and what of it needs a restart. */
import type { GatewayConfig, ServiceConfig } from '../model/config.js';
import type { ConfigChange } from '../model/config-change.js';
import { applyAt, fallbackAt, TOP_KEYS } from './key-facts.js';
import { fits, TOGETHER } from './merge.js';
import { type Path, pathText } from './path.js';
import { type Mapping, type View, viewOfRest, viewOfRoute, viewOfService } from './view.js';

/**
 * The lines that differ, in the order of the schema; none when both are equal. `atStart`: how many routes the running
 * gateway had at its start, where `before` is no longer what it started with.
 */
export function diffConfigs(
  before: GatewayConfig,
  after: GatewayConfig,
  atStart: number = before.routes.length,
): readonly ConfigChange[] {
  const [old, now] = [viewOfRest(before).keys, viewOfRest(after).keys];
  const lines = TOP_KEYS.flatMap((key): Line[] => {
    if (key === 'routes') return compareNamed(key, routesOf(before), routesOf(after));
    if (key === 'services') return compareNamed(key, servicesOf(before), servicesOf(after));
    return compare([key], old[key] ?? null, now[key] ?? null);
  });
  const waits = fits(after, atStart) ? [] : TOGETHER;
  return lines.map(({ path, before, after }) => ({
    key: pathText(path),
    before,
    after,
    apply: waits.includes(path[0]) ? 'restart' : applyAt(path),
  }));
}

/** A service as the file says it, key by key, without what is only a default. */
export function serviceTexts(
  service: ServiceConfig,
  routes: readonly string[],
): { readonly match: string; readonly select: string; readonly affinity: string } {
  const { keys } = viewOfService(service, routes);
  const text = (key: string): string => {
    const whole = textOf(keys[key] ?? null, ['services', 0, key]) ?? '';
    return whole.replace(/^\{ (.*) \}$/, '$1');
  };
  return { match: text('match'), select: text('select'), affinity: text('affinity') };
}

/** A change before it is known when it works. */
interface Line {
  readonly path: Path;
  readonly before: string | null;
  readonly after: string | null;
}

type Named = ReadonlyMap<string, Mapping>;

function routesOf({ routes }: GatewayConfig): Named {
  return new Map(routes.map((route) => [route.name, viewOfRoute(route)]));
}

function servicesOf({ services, routes }: GatewayConfig): Named {
  const names = routes.map(({ name }) => name);
  return new Map(services.map((service) => [service.name, viewOfService(service, names)]));
}

function compareNamed(section: 'routes' | 'services', before: Named, after: Named): Line[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const lines = names.flatMap((name) => {
    const path = [section, name];
    return compare(path, before.get(name) ?? null, after.get(name) ?? null);
  });
  const order = (one: Named, other: Named): string =>
    [...one.keys()].filter((name) => other.has(name)).join();
  if (order(before, after) !== order(after, before)) {
    lines.push({
      path: [section],
      before: [...before.keys()].join(', '),
      after: [...after.keys()].join(', '),
    });
  }
  return lines;
}

function compare(path: Path, before: View, after: View): Line[] {
  if (isMapping(before) && isMapping(after) && before.kind === after.kind) {
    const keys = Object.keys({ ...before.keys, ...after.keys });
    return keys.flatMap((key) => compare([...path, key], before.keys[key] ?? null, after.keys[key] ?? null));
  }
  if (isList(before) && isList(after)) return compareLists(path, before, after);
  const [old, now] = [textOf(before, path), textOf(after, path)];
  return old === now ? [] : [{ path, before: old, after: now }];
}

/** Longer lists show only what is not in the other one. */
const SHORT_LIST = 8;

function compareLists(path: Path, before: readonly string[], after: readonly string[]): Line[] {
  if (before.join('\n') === after.join('\n')) return [];
  const [gone, added] = [without(before, after), without(after, before)];
  if (Math.max(before.length, after.length) <= SHORT_LIST || gone.length + added.length === 0) {
    return [{ path, before: listText(before), after: listText(after) }];
  }
  return [{ path, before: extract(before, gone), after: extract(after, added) }];
}

function listText(list: readonly string[]): string {
  return list.length === 1 ? list[0] : `[${list.join(', ')}]`;
}

function extract(list: readonly string[], special: readonly string[]): string {
  if (special.length === 0) return `${list.length} in all`;
  const shown = special.slice(0, SHORT_LIST).join(', ');
  const more = special.length > SHORT_LIST ? ` and ${special.length - SHORT_LIST} more` : '';
  return `${list.length} in all, with ${shown}${more}`;
}

function without(list: readonly string[], other: readonly string[]): readonly string[] {
  const there = new Set(other);
  return list.filter((item) => !there.has(item));
}

/** As it could stand in the file, without the keys that only repeat their default. */
function textOf(view: View, path: Path): string | null {
  if (view === null || typeof view === 'string') return view;
  if (isList(view)) return view.length > SHORT_LIST ? extract(view, view) : listText(view);
  const { keys, main } = view;
  const texts = Object.entries(keys).flatMap(([key, inner]): [string, string][] => {
    const text = textOf(inner, [...path, key]);
    return text === null || text === fallbackAt([...path, key]) ? [] : [[key, text]];
  });
  if (texts.length === 1 && texts[0][0] === main) return texts[0][1];
  return `{ ${texts.map(([key, text]) => `${key}: ${text}`).join(', ')} }`;
}

function isMapping(view: View): view is Mapping {
  return view !== null && typeof view === 'object' && !isList(view);
}

function isList(view: View): view is readonly string[] {
  return Array.isArray(view);
}
