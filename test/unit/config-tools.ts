/** What the tests of the configuration share: a small good file, and what is wrong with a bad one. */
import { parseConfig } from '../../src/config/load.js';
import { ConfigError, type ConfigProblem } from '../../src/config/problems.js';
import type { GatewayConfig, RouteConfig, ServiceConfig } from '../../src/model/config.js';

/** Everything that is required and nothing else. */
export const SMALL =
  'lan: [lan0]\nroutes: { a: { interface: wan1 }, b: { interface: wan2 } }\nrest: { route: a }\n';

export function read(text: string): GatewayConfig {
  return parseConfig(text, 'file.yaml');
}

/** As a running gateway reads a file, without a thread of its own. */
export async function parse(text: string, fileName: string): Promise<GatewayConfig> {
  return parseConfig(text, fileName);
}

export function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Line, key and message of each problem, for comparison. */
export function complaints(text: string): readonly string[] {
  return problemsOf(text).map(({ line, key, message }) => `${line} ${key}: ${message}`);
}

/** The small file with another route `a`. */
export function withRoute(route: string): string {
  return SMALL.replace('{ interface: wan1 }', route);
}

/** Route `a` with these keys beside its interface. */
export function routeWith(keys: string): RouteConfig {
  return read(withRoute(`{ interface: wan1, ${keys} }`)).routes[0];
}

/** The small file with one service of these keys beside its name. */
export function withService(keys: string, more = ''): string {
  return `${SMALL}services: [{ name: s, ${keys} }]\n${more}`;
}

/** A service with these keys beside its name. */
export function serviceWith(keys: string, more = ''): ServiceConfig {
  return read(withService(keys, more)).services[0];
}
