// `npm test [-- types|lint|fast|lab|wide|browser|long ...]`: sets up what tests need and runs everything but what is wide or long, or the named parts. Nothing is skipped silently,
// a failed step does not hide the later ones; the end names what failed, and the last line counts what ran.
import { argv, env, exit } from 'node:process';
import { installPrograms, systemPath } from './setup/debian.mjs';
import { buildIfStale, buildPageIfStale, checkNode, installPackages, SetupError } from './setup/packages.mjs';
import { PARTS, runPart, USUAL } from './test/parts.mjs';

const wanted = argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  console.error(`test: no part is called ${unknown.join(', ')}; there are ${Object.keys(PARTS).join(', ')}`);
  exit(2);
}
const parts = Object.keys(PARTS).filter((name) => (wanted.length === 0 ? USUAL : wanted).includes(name));

try {
  checkNode();
  installPackages();
  if (parts.some((part) => ['lab', 'wide', 'browser', 'long'].includes(part))) installPrograms('test');
  if (parts.includes('browser')) installBrowser();
  // Where the types are a part, they compile, too, and count as a test.
  if (!parts.includes('types')) buildIfStale();
  buildPageIfStale();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  console.log('0 passed, 1 failed');
  exit(1);
}

/** Without one the tests of the page say that they are skipped, and the rest runs. */
function installBrowser() {
  try {
    installPrograms('browser');
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`The page is not opened in a browser: ${error.message}`);
  }
}

env.PATH = systemPath();
const total = { passed: 0, failed: 0, skipped: 0, again: [], failures: [] };
for (const name of parts) {
  for (const count of runPart(name)) {
    total.passed += count.passed;
    total.failed += count.failed;
    total.skipped += count.skipped;
    total.again.push(...count.again);
    total.failures.push(...count.failures);
  }
}

// Once more at the end: what failed first is thousands of lines above, where a log may have been cut.
if (total.failures.length > 0) console.log(`\nFAILED\n${total.failures.join('\n')}`);
// They hide what a busy machine does, and what is seldom wrong.
if (total.again.length > 0) console.log(`\nPASSED AT A SECOND TRY\n${total.again.join('\n')}`);
const skipped = total.skipped === 0 ? '' : `, ${total.skipped} skipped`;
const again = total.again.length === 0 ? '' : `, ${total.again.length} at a second try`;
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}${again}`);
exit(total.failed === 0 ? 0 : 1);
