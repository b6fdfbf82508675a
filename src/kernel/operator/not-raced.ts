/** Connections that rules of the operator's keep from being raced, as matches of nft. Pure. */
import type { OwnTranslation } from '../desired.js';
import { rangeTexts } from './ranges.js';
import type { OperatorRule } from './translations.js';

/** More than this are matched by their sources alone, and more ranges by nothing: their whole family goes by one route. */
const MOST_MATCHES = 32;
const MOST_RANGES = 2048;

/** One match per family, destination and port: sources are put together. */
export function notRaced(rules: readonly OperatorRule[]): readonly OwnTranslation[] {
  const exact = matchesOf(rules);
  return exact.length <= MOST_MATCHES
    ? exact
    : matchesOf(rules.map((rule) => ({ ...rule, destinations: null, ports: null })));
}

function matchesOf(rules: readonly OperatorRule[]): readonly OwnTranslation[] {
  return ([4, 6] as const).flatMap((family) => {
    const own = rules.filter(({ families }) => families.includes(family));
    const groups = new Map<string, OperatorRule[]>();
    for (const rule of own) {
      const { destinations, ports } = rule;
      const to = destinations === null ? null : rangeTexts([...destinations], family);
      const key = JSON.stringify([to, ports === null ? null : [...new Set(ports)].sort()]);
      groups.set(key, [...(groups.get(key) ?? []), rule]);
    }
    return [...groups].map(([key, members]) => {
      const [destinations, ports] = JSON.parse(key) as [string[] | null, string[] | null];
      const sources = textsOf(
        members.map((rule) => rule.sources),
        family,
      );
      const places = [...new Set(members.map(({ place }) => place))];
      return { places, family, sources, destinations, ports };
    });
  });
}

function textsOf(lists: readonly OperatorRule['sources'][], family: 4 | 6): readonly string[] | null {
  if (lists.includes(null)) return null;
  const texts = rangeTexts(
    lists.flatMap((list) => list ?? []),
    family,
  );
  return texts.length > MOST_RANGES ? null : texts;
}
