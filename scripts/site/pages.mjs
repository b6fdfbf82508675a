// The pages of the site and their order. A page that is not there yet is left out; one of docs/ that nobody names is an error.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What comes first is read first. */
const GROUPS = [
  [
    'Start',
    [
      'README.md',
      'docs/guide/installing.md',
      'docs/guide/first-gateway.md',
      'docs/guide/from-mwan3.md',
      'docs/guide/from-pfsense.md',
    ],
  ],
  [
    'How it works',
    ['docs/guide/how-it-works.md', 'docs/guide/criteria.md', 'docs/protocols.md', 'docs/glossary.md'],
  ],
  [
    'Guides',
    [
      'docs/guide/the-gateway-itself.md',
      'docs/guide/slow-and-failing-providers.md',
      'docs/guide/money.md',
      'docs/guide/calls.md',
      'docs/guide/mtu.md',
      'docs/guide/beside-other-software.md',
    ],
  ],
  [
    'Operating',
    [
      'docs/guide/operating.md',
      'docs/guide/troubleshooting.md',
      'docs/guide/upgrading.md',
      'docs/guide/security.md',
      'docs/metrics.md',
    ],
  ],
  [
    'Reference',
    [
      'docs/configuration.md',
      'docs/errors.md',
      'docs/api.md',
      'docs/json.md',
      'docs/limits.md',
      'docs/measurements.md',
    ],
  ],
  [
    'Development',
    [
      'ARCHITECTURE.md',
      'CONTRIBUTING.md',
      'docs/guide/adding-a-criterion.md',
      'docs/guide/adding-a-protocol.md',
      'lab/README.md',
      'bench/compare/README.md',
      'CHANGELOG.md',
    ],
  ],
];

/** Groups of paths, as far as they are there; what else is in docs/ and docs/guide comes last, the decisions have a page of their own. */
export function groupsOf(root) {
  const isThere = (path) => existsSync(join(root, path));
  const named = new Set(GROUPS.flatMap(([, paths]) => paths));
  const others = ['docs', 'docs/guide']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((path) => path.endsWith('.md') && !named.has(path));
  const groups = GROUPS.map(([title, paths]) => [title, paths.filter(isThere)]);
  return others.length === 0 ? groups : [...groups, ['Further', others]];
}

/** Whether a page has a place here, be it written or not. */
export function isExpected(path) {
  return GROUPS.some(([, paths]) => paths.includes(path));
}

export function decisionsOf(root) {
  return readdirSync(join(root, 'docs/decisions'))
    .filter((name) => /^\d{4}-.*\.md$/.test(name))
    .map((name) => `docs/decisions/${name}`);
}

/** Files that pages link to and that are no pages. */
export const FILES = ['docs/configuration.schema.json', 'docs/openapi.json', 'LICENSE'];
