// The copyright file of the package: the licence of everything in it.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execPath, versions } from 'node:process';
import { SetupError } from '../setup/packages.mjs';
import { moduleLicences } from './modules.mjs';

const LINE = '-'.repeat(78);

/** The text; throws where a licence cannot be found, as then nothing may be given away. */
export function copyrightText() {
  const modules = moduleLicences().map(
    ({ name, version, licence, text }) =>
      `${LINE}\n${name} ${version} (${licence}), from https://www.npmjs.com/package/${name}\n\n${text?.trim() ?? BY_NAME_ALONE}\n`,
  );
  return `Pathrace is
Copyright (C) 2026 The Pathrace authors
and licensed under the Apache License, Version 2.0; on Debian systems its text is
in /usr/share/common-licenses/Apache-2.0.

The package contains the programs and libraries below, each under its own licence.

${modules.join('\n')}
${LINE}
Node.js ${versions.node} and what it contains, from https://nodejs.org

${withoutApache(nodeLicence()).trim()}
`;
}

const BY_NAME_ALONE =
  'It names its licence without its text; that of MIT is above and below, with other names of authors.';

/** Every Debian system has that text; parts of Node come under it. */
function withoutApache(text) {
  return text.replace(
    /^ *Apache License\n *Version 2\.0, January 2004\n[\s\S]*?END OF TERMS AND CONDITIONS\n/gm,
    '    Apache License, Version 2.0: see /usr/share/common-licenses/Apache-2.0\n',
  );
}

/** Where distributions of Node keep it. */
function nodeLicence() {
  const prefix = dirname(dirname(execPath));
  const places = [
    'LICENSE',
    'share/doc/nodejs/LICENSE',
    'share/doc/nodejs/copyright',
    'share/doc/node/LICENSE',
  ];
  const found = places.map((place) => join(prefix, place)).find((path) => existsSync(path));
  if (found === undefined)
    throw new SetupError(`no licence text of Node.js was found below ${prefix} (${places.join(', ')})`);
  return readFileSync(found, 'utf8');
}
