/** Rules of `api`: nobody may command, or look into, the gateway from afar without a token and TLS. */
import { ApiSchema } from '../schema/api.js';
import { isLoopback, readListen } from '../values/listen.js';
import type { YamlSource } from '../yaml-source.js';
import { type CrossProblem, itemPaths, rawAt, readPart } from './parts.js';

export function checkApi(source: YamlSource): CrossProblem[] {
  const { listen, anonymous } = ApiSchema.unwrap().shape;
  const path = ['api', 'listen'];
  const addresses = readPart(listen, source, path);
  const isOpen = readPart(anonymous, source, ['api', 'anonymous']) === 'read';
  const hasTokens = rawAt(source, ['api', 'tokens']) !== undefined;
  const tls = rawAt(source, ['api', 'tls']);
  const problems: CrossProblem[] = [];
  if (addresses === undefined) return problems;
  const places = itemPaths(source, path);
  const far = addresses.flatMap((one, index) =>
    isLoopback(readListen(one).address) ? [] : [{ one, at: places[index] }],
  );
  for (const { one, at } of far) {
    const lacks = [...(tls === undefined ? ['`tls`'] : []), ...(hasTokens ? [] : ['`tokens`'])];
    if (lacks.length > 0) {
      const message = `${one} can be reached from other machines: that needs ${lacks.join(' and ')}.`;
      problems.push({
        path: at,
        at: 'value',
        expected: `a loopback address, or ${lacks.join(' and ')} besides`,
        message,
      });
    }
  }
  if (far.length > 0 && isOpen) {
    const message = `Anybody who reaches ${far[0].one} could look into the gateway.`;
    problems.push({
      path: ['api', 'anonymous'],
      at: 'value',
      expected: '`none`, with an address beyond loopback',
      message,
    });
  }
  if (!hasTokens && !isOpen) {
    const message = 'Nobody could ask: there is no file of tokens, and without one nothing is answered.';
    problems.push({ path, at: 'key', expected: '`tokens`, or `anonymous: read`, besides', message });
  }
  return problems;
}
