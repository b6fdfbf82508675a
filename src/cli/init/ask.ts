/** What `pathrace init` asks, and which answers it takes. */
import { existsSync } from 'node:fs';
import { MAX_ROUTES } from '../../config/bounds.js';
import { isReserved } from '../../config/criteria.js';
import { isName } from '../../config/values/texts.js';
import { DEFAULT_CONFIG_FILE } from '../defaults.js';
import { printable } from '../style.js';
import type { Machine, Proposal, ProposedRoute } from './machine.js';
import { findLan, findUplinks, isWritable, propose } from './propose.js';
import type { Questions } from './questions.js';

/** What somebody makes of the proposal: interfaces, names, prices. */
export async function askAll(machine: Machine, questions: Questions): Promise<Proposal> {
  const known = machine.links.map(({ name }) => name);
  const usual = findUplinks(machine);
  const uplinks = words(
    await questions.ask('Interfaces of the providers', usual.join(' '), (answer) =>
      answer === '' ? 'Name one at least.' : (tooMany(words(answer)) ?? unknownOf(words(answer), known)),
    ),
  );
  const lan = words(
    await questions.ask(
      'Interfaces of the LAN, or local',
      findLan(machine, uplinks).join(' ') || 'local',
      (answer) => {
        const named = words(answer).filter((name) => name !== 'local');
        const both = named.find((name) => uplinks.includes(name));
        return both === undefined ? unknownOf(named, known) : `${both} is a provider’s.`;
      },
    ),
  ).filter((name) => name !== 'local');
  const proposed = propose(machine, { uplinks, lan });
  const routes: ProposedRoute[] = []; // BOUNDED: as the proposal.
  for (const route of proposed.routes) routes.push(await askRoute(route, routes, questions));
  return { ...proposed, routes };
}

async function askRoute(
  route: ProposedRoute,
  before: readonly ProposedRoute[],
  questions: Questions,
): Promise<ProposedRoute> {
  const place = `${route.interface} (${route.found.join('; ')})`;
  const name = await questions.ask(`Name of the route by ${printable(place)}`, route.name, (answer) => {
    if (!isName(answer) || isReserved(answer))
      return 'A name has 1 to 32 letters, digits, _, . or -, and is no criterion.';
    return before.some((one) => one.name === answer) ? 'Another route is called so.' : undefined;
  });
  if (route.kind !== 'modem' && route.kind !== 'usb') return { ...route, name };
  const cost = await questions.ask(`Price of a gigabyte by ${name}, 0 for a flat rate`, '0', (answer) =>
    /^[0-9]{1,6}(\.[0-9]{1,4})?$/.test(answer) ? undefined : 'A number, such as 8 or 0.5.',
  );
  return { ...route, name, cost: Number(cost) === 0 ? null : Number(cost) };
}

/** Where to write it. */
export async function askFile(questions: Questions, force: boolean): Promise<string> {
  return questions.ask('File', DEFAULT_CONFIG_FILE, (answer) =>
    !force && existsSync(answer)
      ? `${answer} is there already; another name, or begin again with --force.`
      : undefined,
  );
}

function words(answer: string): string[] {
  return [...new Set(answer.split(/[\s,]+/).filter((word) => word !== ''))];
}

function tooMany(names: readonly string[]): string | undefined {
  return names.length > MAX_ROUTES ? `${MAX_ROUTES} at most.` : undefined;
}

function unknownOf(names: readonly string[], known: readonly string[]): string | undefined {
  const wrong = names.find((name) => !known.includes(name) || !isWritable(name));
  return wrong === undefined
    ? undefined
    : `There is no interface ${printable(wrong)}; there are ${known.join(', ')}.`;
}
