// Makes a fresh machine ready: `node scripts/setup.mjs demo|test|bench|build`. Does only what is missing, and says what it does.
// Plain JavaScript without dependencies: node_modules may not be there yet.
import { argv, exit } from 'node:process';
import { installPrograms } from './setup/debian.mjs';
import { buildIfStale, buildPageIfStale, checkNode, installPackages, SetupError } from './setup/packages.mjs';

try {
  const purpose = argv[2] ?? 'demo';
  checkNode();
  installPackages();
  buildIfStale();
  buildPageIfStale();
  if (purpose !== 'build') installPrograms(purpose);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  exit(1);
}
