/** Rules of `services[].match`: at least one key, and no keys that rule each other out. */

import type { Path } from '../path.js';
import { MatchMapping } from '../schema/match.js';
import { MAX_SETS, SetSchema } from '../schema/sets.js';
import { formatProtocol, PROTOCOLS } from '../values/header-fields.js';
import { isIpv6Prefix, MAX_PREFIXES } from '../values/prefixes.js';
import { INTERFACES_ALLOWED, isName, NAME_ALLOWED, parseInterfaces } from '../values/texts.js';
import type { YamlSource } from '../yaml-source.js';
import {
  type CrossProblem,
  isMapping,
  itemPaths,
  oneOfWords,
  rawAt,
  readPart,
  unknownWord,
} from './parts.js';

/** The sets of the file that could be read: prefixes by name. */
export type Sets = ReadonlyMap<string, readonly string[] | undefined>;

export function readSets(source: YamlSource): Sets {
  const names = source.keysAt(['sets']).slice(0, MAX_SETS);
  return new Map(names.map((name) => [name, readPart(SetSchema, source, ['sets', name])]));
}

export function checkSets(source: YamlSource): CrossProblem[] {
  const names = source.keysAt(['sets']);
  const problems: CrossProblem[] = []; // BOUNDED: one per key of the file.
  if (names.length > MAX_SETS) {
    const found = `${names.length} sets`;
    const expected = `at most ${MAX_SETS} sets`;
    problems.push({ path: ['sets'], at: 'key', found, expected, message: 'Too many sets.' });
  }
  for (const name of names.filter((one) => !isName(one))) {
    const found = JSON.stringify(name.slice(0, 60));
    problems.push({
      path: ['sets', name],
      at: 'key',
      found,
      expected: NAME_ALLOWED,
      message: 'Not a name.',
    });
  }
  return problems;
}

/** `path`: of the match. */
export function checkMatch(source: YamlSource, path: Path, sets: Sets): CrossProblem[] {
  const raw = rawAt(source, path);
  if (!isMapping(raw)) return [];
  if (source.keysAt(path).length === 0) {
    const expected = 'at least one key, or any';
    return [{ path, at: 'value', expected, message: 'Says nothing; `any` means all connections.' }];
  }
  return [
    ...checkInterfaces(source, [...path, 'interface']),
    ...checkSetNames(source, [...path, 'source'], sets),
    ...checkSetNames(source, [...path, 'destination'], sets),
    ...checkFamilies(source, path, sets),
    ...checkProtocols(source, path),
  ];
}

/** The prefixes of items with their sets put in, each once; undefined when a set is missing or has mistakes. */
export function expandSets(items: readonly string[], sets: Sets): readonly string[] | undefined {
  const lists = items.map((item) => (item.startsWith('@') ? sets.get(item.slice(1)) : [item]));
  return lists.includes(undefined) ? undefined : [...new Set(lists.flatMap((list) => list ?? []))];
}

function checkInterfaces(source: YamlSource, path: Path): CrossProblem[] {
  const lan = parseInterfaces(rawAt(source, ['lan']));
  if (!('value' in lan)) return [];
  const items = itemPaths(source, path);
  const named = readPart(MatchMapping.shape.interface, source, path) ?? [];
  return named.flatMap((name, index): CrossProblem[] => {
    if (lan.value.includes(name)) return [];
    const expected = oneOfWords(lan.value, INTERFACES_ALLOWED);
    const message = unknownWord('interface in `lan`', name, lan.value);
    return [{ path: items[index], at: 'value', expected, message }];
  });
}

/** Of a list of prefixes and sets. */
export function checkSetNames(source: YamlSource, path: Path, sets: Sets): CrossProblem[] {
  const list = readPart(MatchMapping.shape.source, source, path);
  if (list === undefined) return [];
  const items = itemPaths(source, path);
  const unknown = list.flatMap((item, index): CrossProblem[] => {
    if (!item.startsWith('@') || sets.has(item.slice(1))) return [];
    const names = [...sets.keys()].map((name) => `@${name}`);
    const message = unknownWord('set', item, names);
    return [{ path: items[index], at: 'value', expected: oneOfWords(names, 'a set of `sets`'), message }];
  });
  const count = expandSets(list, sets)?.length ?? 0;
  if (count <= MAX_PREFIXES) return unknown;
  const message = `Has ${count} prefixes with its sets.`;
  return [...unknown, { path, at: 'value', expected: `at most ${MAX_PREFIXES} prefixes`, message }];
}

/** Clients of one family only never reach servers of the other one. */
function checkFamilies(source: YamlSource, path: Path, sets: Sets): CrossProblem[] {
  const [from, to] = (['source', 'destination'] as const).map((key) => {
    const items = readPart(MatchMapping.shape[key], source, [...path, key]);
    const prefixes = items === undefined ? undefined : expandSets(items, sets);
    return prefixes === undefined ? undefined : new Set(prefixes.map(isIpv6Prefix));
  });
  if (from === undefined || to === undefined || from.size + to.size !== 2) return [];
  const [ipv6] = from;
  if (to.has(ipv6)) return [];
  const family = ipv6 ? 'IPv6' : 'IPv4';
  const message = `\`source\` has only ${family}, \`destination\` none; nothing fits both.`;
  return [{ path: [...path, 'destination'], at: 'value', expected: `a prefix of ${family} too`, message }];
}

/** All keys must fit, so beside ports `protocol` can only repeat what they say. */
function checkProtocols(source: YamlSource, path: Path): CrossProblem[] {
  const protocols = readPart(MatchMapping.shape.protocol, source, [...path, 'protocol']);
  const keys = (['tcp', 'udp'] as const).filter((key) => rawAt(source, [...path, key]) !== undefined);
  if (protocols === undefined || keys.length === 0) return [];
  const meant = keys.map((key) => PROTOCOLS[key]);
  const more = protocols.filter((number) => !meant.some((one) => one === number));
  if (more.length === 0 && protocols.length === meant.length) return [];
  const named = keys.map((key) => `\`${key}\``).join(' and ');
  const other = more[0] ?? meant.find((number) => !protocols.includes(number)) ?? 0;
  const message =
    more.length > 0
      ? `${formatProtocol(other)} never fits beside ${named}; give it a service of its own.`
      : `${formatProtocol(other)} is missing beside ${named}.`;
  return [
    { path: [...path, 'protocol'], at: 'value', expected: `no \`protocol\`, or ${keys.join(', ')}`, message },
  ];
}
