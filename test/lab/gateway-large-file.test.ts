/** A file as large as may be, full of mistakes: every one of them is said or counted, and the gateway answers meanwhile. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { askPreview, callControl, commandControl } from '../../src/api/client.js';
import { RELOAD_PATH, ROUTES_PATH } from '../../src/api/paths.js';
import { ConfigError } from '../../src/config/problems.js';
import { withGateway } from './support/gateway-lab.js';

const BYTES = 255_000;
/** Checking it on the main thread takes two to three seconds of a processor that has nothing else to do. */
const LONGEST_MS = 1000;

function filled(line: (i: number) => string): string {
  let text = 'lan: [lan0]\nservices:\n';
  for (let i = 0; text.length < BYTES; i++) text += line(i);
  return text;
}

test.each([
  ['nothing in a list', () => '-\n'],
  ['unknown keys', (i: number) => `- { nam: s${i}, match: 7, select: nobody }\n`],
  ['what is no YAML', () => '\tx: 1\n'],
] as const)('%s', async (_, line) => {
  await withGateway(
    { providers: [{ name: 'a' }, { name: 'b' }] },
    { expectedEvents: ['reload-failed'] },
    async (made) => {
      const good = readFileSync(made.configFile, 'utf8');
      const text = filled(line);
      writeFileSync(made.configFile, text);
      let ended = false;
      const took: number[] = [];
      const asking = (async () => {
        while (!ended) {
          const at = performance.now();
          await callControl(made.lab.controlSocket, ROUTES_PATH, 20_000);
          took.push(performance.now() - at);
          await sleep(20);
        }
      })();
      for (const ask of [
        () => commandControl(made.lab.controlSocket, RELOAD_PATH),
        () => askPreview(made.lab.controlSocket, text),
      ]) {
        const error = await ask().catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as ConfigError).problems.length).toBeGreaterThanOrEqual(50);
      }
      ended = true;
      await asking;
      expect(Math.max(...took)).toBeLessThan(LONGEST_MS);
      writeFileSync(made.configFile, good);
      expect(await commandControl(made.lab.controlSocket, RELOAD_PATH)).toMatchObject({ changes: [] });
    },
  );
});
