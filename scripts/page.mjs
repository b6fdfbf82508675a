// `npm run build`, second half: the page into dist/web, when something of it has changed.
import { exit } from 'node:process';
import { buildPageIfStale, SetupError } from './setup/packages.mjs';

try {
  buildPageIfStale();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  exit(1);
}
