/** Rules between keys, in the order of the file's sections. Each looks only at the parts that could be read. */
import { bitCount, bitsFor, servicesOf } from '../model/mark-mask.js';
import { checkApi } from './rules/api.js';
import { checkSetNames, checkSets, readSets } from './rules/match.js';
import { type CrossProblem, oneOfWords, rawAt, readPart, unknownWord } from './rules/parts.js';
import { checkRoutes } from './rules/routes.js';
import { checkServices } from './rules/services.js';
import { KernelSchema } from './schema/kernel.js';
import { MemorySchema } from './schema/memory.js';
import { RestSchema } from './schema/rest.js';
import { MAX_ROUTES } from './schema/routes.js';
import { MAX_SERVICES } from './schema/services.js';
import type { YamlSource } from './yaml-source.js';

export type { CrossProblem } from './rules/parts.js';

export function crossCheck(source: YamlSource): readonly CrossProblem[] {
  const routes = source.keysAt(['routes']);
  return [
    ...checkRoutes(source, routes),
    ...checkSets(source),
    ...checkServices(source, routes),
    ...checkSetNames(source, ['race', 'never'], readSets(source)),
    ...checkRest(source, routes),
    ...checkMemory(source),
    ...checkState(source),
    ...checkKernel(source),
    ...checkApi(source),
  ];
}

function checkRest(source: YamlSource, routes: readonly string[]): CrossProblem[] {
  const path = ['rest', 'route'];
  const route = readPart(RestSchema.unwrap().shape.route, source, path);
  if (route === undefined || routes.includes(route)) return [];
  const expected = oneOfWords(routes, 'the name of a route');
  return [{ path, at: 'value', expected, message: unknownWord('route', route, routes) }];
}

function checkMemory(source: YamlSource): CrossProblem[] {
  const { trust, forget } = MemorySchema.unwrap().shape;
  const path = ['memory', 'forget'];
  const trustMs = readPart(trust, source, ['memory', 'trust']);
  const forgetMs = readPart(forget, source, path);
  if (trustMs === undefined || forgetMs === undefined || forgetMs >= trustMs) return [];
  const written = rawAt(source, ['memory', 'trust']) !== undefined;
  const message = `Shorter than \`trust\`${written ? '' : ', which is 10m unless the file says it'}.`;
  return [{ path, at: 'value', expected: 'at least `trust`', message }];
}

/** Each of these files is replaced as a whole by what its key says. */
function checkState(source: YamlSource): CrossProblem[] {
  const path = ['state'];
  const state = rawAt(source, path);
  const other = [['control'], ['memory', 'store']].find((one) => rawAt(source, one) === state);
  if (typeof state !== 'string' || other === undefined) return [];
  const message = `The same file as \`${other.join('.')}\`.`;
  return [{ path, at: 'value', expected: 'a file of its own', message }];
}

/** The local, main and default rules of Linux end at these; ours must come before main. */
const MAIN_RULE_PRIORITY = 32766;

function checkKernel(source: YamlSource): CrossProblem[] {
  return [...checkMark(source), ...checkRulePriority(source)];
}

function checkMark(source: YamlSource): CrossProblem[] {
  const path = ['kernel', 'mark'];
  const mask = readPart(KernelSchema.unwrap().shape.mark, source, path);
  const services = rawAt(source, ['services']);
  const wanted = Math.min(MAX_SERVICES, Array.isArray(services) ? services.length : 0);
  if (mask === undefined || servicesOf(mask) >= Math.max(1, wanted)) return [];
  const count = wanted === 1 ? '1 service' : `${wanted} services`;
  const expected = `a mask of at least ${bitsFor(wanted)} bits for ${count}`;
  const message = `Too few bits: ${bitCount(mask)}, which are enough for ${servicesOf(mask)} services.`;
  return [{ path, at: 'value', expected, message }];
}

function checkRulePriority(source: YamlSource): CrossProblem[] {
  const { rulePriority } = KernelSchema.unwrap().shape;
  const path = ['kernel', 'rulePriority'];
  const first = readPart(rulePriority, source, path);
  if (first === undefined || first + 4 * MAX_ROUTES < MAIN_RULE_PRIORITY) return [];
  const expected = `at most ${MAIN_RULE_PRIORITY - 4 * MAX_ROUTES - 1}`;
  return [{ path, at: 'value', expected, message: 'Leaves no room for the rules.' }];
}
