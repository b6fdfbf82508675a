/** Rules of `services`: names, and what a way to select needs of the routes. */
import { CRITERIA, makesCopies } from '../../model/config.js';
import { criterionOf, usesOf } from '../criteria.js';
import type { Path } from '../path.js';
import { AffinityMapping, MAX_SERVICES, SelectMapping, ServiceSchema } from '../schema/services.js';
import type { YamlSource } from '../yaml-source.js';
import { checkMatch, readSets, type Sets } from './match.js';
import {
  type CrossProblem,
  isMapping,
  itemPaths,
  oneOfWords,
  rawAt,
  readPart,
  unknownWord,
} from './parts.js';

export function checkServices(source: YamlSource, routes: readonly string[]): readonly CrossProblem[] {
  const problems: CrossProblem[] = []; // BOUNDED: a handful per service of the file.
  const list = rawAt(source, ['services']);
  if (!Array.isArray(list)) return problems;
  if (list.length > MAX_SERVICES) {
    const expected = `at most ${MAX_SERVICES} services`;
    problems.push({ path: ['services'], at: 'key', expected, message: 'Too many services.' });
  }
  const sets = readSets(source);
  const seen = new Set<string>(); // BOUNDED: one per service of the file.
  list.forEach((_, index) => {
    const name = readPart(ServiceSchema.shape.name, source, ['services', index, 'name']);
    if (name !== undefined && seen.has(name)) {
      const message = 'Another service above has this name.';
      problems.push({ path: ['services', index, 'name'], at: 'value', expected: 'another name', message });
    }
    if (name !== undefined) seen.add(name);
    if (index < MAX_SERVICES) problems.push(...checkService(source, ['services', index], routes, sets));
  });
  return problems;
}

function checkService(
  source: YamlSource,
  path: Path,
  routes: readonly string[],
  sets: Sets,
): readonly CrossProblem[] {
  return [
    ...checkMatch(source, [...path, 'match'], sets),
    ...checkSelect(source, [...path, 'select'], routes),
    ...checkSpeaks(source, path, routes),
    ...checkResolvers(source, path, routes),
    ...checkAffinity(source, [...path, 'affinity']),
    ...checkWin(source, path, routes),
  ];
}

function checkWin(source: YamlSource, path: Path, routes: readonly string[]): CrossProblem[] {
  const place = [...path, 'win'];
  if (readPart(ServiceSchema.shape.win, source, place) !== 'first-payload') return [];
  const select = [...path, 'select'];
  const at = isMapping(rawAt(source, select)) ? [...select, 'criterion'] : select;
  const name = readPart(SelectMapping.shape.criterion, source, at);
  const criterion = name === undefined ? undefined : criterionOf(name, routes);
  if (criterion === undefined || makesCopies(criterion)) return [];
  const message = `${name} races nothing that a payload could win.`;
  return [{ path: place, at: 'value', expected: 'first-reply, or select: race', message }];
}

function checkSelect(source: YamlSource, path: Path, routes: readonly string[]): readonly CrossProblem[] {
  const written = isMapping(rawAt(source, path));
  const place = written ? [...path, 'criterion'] : path;
  const name = readPart(SelectMapping.shape.criterion, source, place);
  const named = written ? readPart(SelectMapping.shape.routes, source, [...path, 'routes']) : undefined;
  const problems = checkRouteNames(source, [...path, 'routes'], named ?? [], routes);
  if (name === undefined) return problems;
  const criterion = criterionOf(name, routes);
  if (criterion === undefined) {
    const words = [...CRITERIA, 'rest', ...routes];
    const message = unknownWord('criterion or route', name, words);
    return [...problems, { path: place, at: 'value', expected: oneOfWords(words, ''), message }];
  }
  if (written) problems.push(...checkOptions(source, path, name, usesOf(criterion)));
  // A list with mistakes says nothing about what the criterion needs.
  const listed = written && rawAt(source, [...path, 'routes']) !== undefined;
  const chosen = listed ? named : routes;
  const needed = criterion === 'spillover' ? 'capacity' : criterion === 'fastest-probe' ? 'check' : undefined;
  if (needed === undefined || chosen === undefined) return problems;
  const asked = needed === 'capacity' ? chosen.slice(0, -1) : chosen;
  const missing = asked.filter(
    (route) => routes.includes(route) && rawAt(source, ['routes', route, needed]) === undefined,
  );
  if (missing.length > 0) {
    const which = needed === 'capacity' ? 'every route but the last' : 'every route';
    const message = `${name} needs \`${needed}\` on ${which}; without one: ${oneOfWords(missing, '')}.`;
    problems.push({ path: place, at: 'value', expected: `routes with \`${needed}\``, message });
  }
  return problems;
}

function checkRouteNames(
  source: YamlSource,
  path: Path,
  named: readonly string[],
  routes: readonly string[],
): CrossProblem[] {
  const items = itemPaths(source, path);
  return named.flatMap((name, index): CrossProblem[] => {
    if (routes.includes(name)) return [];
    const expected = oneOfWords(routes, 'the name of a route');
    return [{ path: items[index], at: 'value', expected, message: unknownWord('route', name, routes) }];
  });
}

function checkOptions(source: YamlSource, path: Path, name: string, uses: readonly string[]): CrossProblem[] {
  const options = Object.keys(SelectMapping.shape).filter((key) => key !== 'criterion');
  const unused = source.keysAt(path).filter((key) => options.includes(key) && !uses.includes(key));
  return unused.map((key) => ({
    path: [...path, key],
    at: 'key',
    expected: oneOfWords(uses, 'no other key'),
    message: `${name} does not use \`${key}\`.`,
  }));
}

/** It is about datagrams of ports that the service names, which are copied. */
function checkSpeaks(source: YamlSource, path: Path, routes: readonly string[]): CrossProblem[] {
  const place = [...path, 'speaks'];
  if (rawAt(source, place) === undefined) return [];
  if (rawAt(source, [...path, 'match', 'udp']) === undefined) {
    const message = 'The service names no ports of UDP that speak it.';
    return [{ path: place, at: 'key', expected: 'it beside `match: { udp: PORTS }`', message }];
  }
  return racesNothing(source, path, 'speaks', routes);
}

/** A key about what is copied, of a service that copies nothing. */
function racesNothing(
  source: YamlSource,
  path: Path,
  key: string,
  routes: readonly string[],
): CrossProblem[] {
  const place = [...path, key];
  if (rawAt(source, place) === undefined) return [];
  const select = [...path, 'select'];
  const written = isMapping(rawAt(source, select)) ? [...select, 'criterion'] : select;
  const name = readPart(SelectMapping.shape.criterion, source, written);
  const criterion = name === undefined ? undefined : criterionOf(name, routes);
  if (name === undefined || criterion === undefined || makesCopies(criterion)) return [];
  const expected = `it beside \`select: ${CRITERIA.filter(makesCopies).join('` or `')}\``;
  return [{ path: place, at: 'key', expected, message: `${name} races nothing.` }];
}

/** Of routes that there are, and of questions that are copied. */
function checkResolvers(source: YamlSource, path: Path, routes: readonly string[]): CrossProblem[] {
  const place = [...path, 'resolvers'];
  const named = readPart(ServiceSchema.shape.resolvers, source, place);
  const unknown = (named ?? []).flatMap(({ route }): CrossProblem[] => {
    if (routes.includes(route)) return [];
    const expected = oneOfWords(routes, 'the name of a route');
    return [{ path: [...place, route], at: 'key', expected, message: unknownWord('route', route, routes) }];
  });
  return [...unknown, ...racesNothing(source, path, 'resolvers', routes)];
}

function checkAffinity(source: YamlSource, path: Path): CrossProblem[] {
  const by = readPart(AffinityMapping.shape.by, source, [...path, 'by']);
  if (by !== 'none' || rawAt(source, [...path, 'for']) === undefined) return [];
  const message = 'Without affinity there is nothing to keep.';
  return [{ path: [...path, 'for'], at: 'key', expected: 'no time, or another affinity', message }];
}
