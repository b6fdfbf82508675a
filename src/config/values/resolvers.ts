/** Name servers of routes: a mapping from routes to one address of each family. */
import { bad, type Mistake, type Parsed } from '../parsed.js';
import { parseOneOfEach } from './addresses.js';
import { clip, isName } from './texts.js';

export const RESOLVERS_ALLOWED =
  'a mapping of routes to an address, or a list of one IPv4 and one IPv6 address';
const MOST_ROUTES = 16;

export interface ResolverFile {
  readonly route: string;
  readonly ipv4: string | null;
  readonly ipv6: string | null;
}

export function parseResolvers(raw: unknown): Parsed<readonly ResolverFile[]> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return bad('Not a mapping of routes.');
  const entries = Object.entries(raw);
  if (entries.length === 0) return bad('The mapping is empty.');
  if (entries.length > MOST_ROUTES) return bad('Too many routes.', `at most ${MOST_ROUTES}`);
  const problems: Mistake[] = []; // BOUNDED: a few per route.
  const value = entries.flatMap(([route, written]): ResolverFile[] => {
    if (!isName(route)) {
      problems.push({ path: [route], message: `${clip(route)} is not the name of a route.` });
      return [];
    }
    const read = parseOneOfEach(written, RESOLVERS_ALLOWED, false, 'name servers');
    if (!('value' in read)) {
      const expected = RESOLVERS_ALLOWED;
      problems.push(...read.problems.map((one) => ({ ...one, path: [route, ...one.path], expected })));
      return [];
    }
    const { ipv4, ipv6 } = read.value;
    return [{ route, ipv4: ipv4[0] ?? null, ipv6: ipv6[0] ?? null }];
  });
  return problems.length > 0 ? { problems } : { value };
}
