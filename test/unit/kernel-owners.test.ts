/** Every set and map of our table has one owner, and every owner something that it owns. */
import { describe, expect, it } from 'vitest';
import { kindOfMap, OWNERS, type OwnedKind, ofRaceThread, partOf } from '../../src/kernel/owners.js';
import { renderNft } from '../../src/kernel/render.js';
import { objectsOf } from '../../src/kernel/render-objects.js';
import { readSources } from '../arch/source-files.js';
import { STATES } from '../golden/states.js';

const KINDS = Object.keys(OWNERS) as OwnedKind[];
const SOURCES = readSources('src').map((file) => ({ ...file, path: file.path.replace(/^src\//, '') }));
/** What code calls each kind by: names stand in constants.ts alone. */
const NAME: Record<OwnedKind, string> = {
  alive: 'SET_ALIVE',
  open: 'SET_OPEN',
  memory: 'memoryMap',
  affinity: 'affinityMap',
  site: 'MAP_SITE',
  sitefor: 'MAP_SITE_ASKED',
  domain: 'domainSet',
  asked: 'askedSet',
  follow: 'MAP_FOLLOW',
  control: 'SET_CONTROL',
  caller: 'SET_CALLER',
  quiet: 'SET_QUIET',
  full: 'SET_FULL',
  reset: 'SET_RESET',
  host: 'hostSet',
  flood: 'SET_FLOOD',
  racing: 'SET_RACING',
  rescued: 'SET_RESCUED',
  copies: 'SET_COPIES',
  sent: 'SET_SENT',
  opened: 'SET_OPENED',
  young: 'SET_YOUNG',
  tunnel: 'MAP_TUNNEL',
};

/** As `nft` is told: names of all sets and maps, with the kind. */
function declared(text: string): string[] {
  return [...text.matchAll(/^add (?:set|map) inet pathrace (\S+)/gm)].map(([, name]) => name);
}

describe('the table of owners', () => {
  it.each(Object.entries(STATES))('knows every set and map of %s', (_, state) => {
    const names = declared(renderNft(state));
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name) => kindOfMap(name) === null)).toEqual([]);
    expect(names).toEqual(
      objectsOf(state)
        .filter(({ kind }) => kind === 'set' || kind === 'map')
        .map(({ name }) => name),
    );
  });

  it('knows none that is declared nowhere', () => {
    const found = new Set(
      Object.values(STATES).flatMap((state) => declared(renderNft(state)).map(kindOfMap)),
    );
    expect([...found].sort()).toEqual([...KINDS].sort());
  });

  it.each(KINDS)('names the one file that writes %s', (kind) => {
    const rendered = /^kernel\/(render.*|constants)\.ts$/;
    // These look single elements up (kernel/element-lookup.ts).
    const readers = /^daemon\/(kernel-foresight|kept-together|what-if)\.ts$/;
    const users = SOURCES.filter(({ path }) => !rendered.test(path) && !readers.test(path))
      .filter(({ code }) => new RegExp(`\\b${NAME[kind]}\\b`).test(code))
      .map(({ path }) => path);
    const { file } = OWNERS[kind];
    expect(users).toEqual(file === null ? [] : [file]);
  });

  it('says which of them packets change besides: those that a rule adds to or updates', () => {
    const changed = new Set(
      Object.values(STATES).flatMap((state) =>
        [...renderNft(state).matchAll(/\b(?:add|update) @(\S+)/g)].map(([, name]) => kindOfMap(name)),
      ),
    );
    expect([...changed].sort()).toEqual(KINDS.filter((kind) => OWNERS[kind].byPackets).sort());
  });

  it('puts all that the race thread writes into the parts that it can empty', () => {
    for (const state of Object.values(STATES)) {
      const names = declared(renderNft(state));
      const ofThread = ofRaceThread(names);
      expect(names.filter((name) => partOf(name) !== null)).toEqual(ofThread);
    }
    const parts = new Set(KINDS.map((kind) => OWNERS[kind].part).filter((part) => part !== null));
    expect([...parts].sort()).toEqual(['domains', 'groups', 'memory', 'open']);
  });
});
