/** Health that does not lie: whose silence says something, and routes that are asked themselves before they are down. */
import { describe, expect, it } from 'vitest';
import type { EngineRoute } from '../../src/core/engine-types.js';
import type { Endpoint } from '../../src/sim/packets.js';
import { serviceOver } from '../../src/sim/world.js';
import { type Effect, Harness, only, routes, words } from '../sim/engine-harness.js';

let nextPort = 40_000;

/** A gateway whose front end can ask routes. */
class Asking extends Harness {
  readonly questions: string[] = [];
  askRoute(route: number, family: number): void {
    this.questions.push(`${route} ${family}`);
  }
  asked(route: number, alive: boolean | null): Effect[] {
    this.last = [];
    this.engine.note({ kind: 'asked', route, family: 4, alive }, this.now);
    return this.last;
  }
  probed(route: number): Effect[] {
    this.last = [];
    this.engine.note({ kind: 'probed', route, family: 4 }, this.now);
    return this.last;
  }
}

function gateway<T extends Harness>(h: T): T {
  h.setServices([serviceOver([1, 2])]);
  return h;
}

/** Connections that route 1 alone does not answer, 2.5 s each. */
function silences(h: Harness, ...destinations: Endpoint[]): void {
  for (const destination of destinations) {
    h.connection(nextPort++, [null, 10], { service: 1, destination });
    // A decided race waits so long for a route that is in doubt.
    h.pass(4500);
  }
}

function host(network: number, port: number): Endpoint {
  return { address: words(`192.0.${network}.25`), port };
}

const MAIL = [1, 2, 3, 4, 5, 6, 7, 8].map((network) => host(network, 25));
const ALL = [1, 2, 3, 4, 5, 6, 7, 8].map((network) => host(network, network % 2 === 0 ? 443 : 993));
const link = (up: boolean): EngineRoute[] =>
  routes(2, ({ number }) => ({ usable: { 4: up || number !== 1, 6: false } }));

describe('where nobody can be asked', () => {
  it('a port that a provider filters makes no route down, however many servers have it', () => {
    const h = gateway(new Harness(2));
    silences(h, ...MAIL, ...MAIL);
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('nor do hosts of one network', () => {
    const h = gateway(new Harness(2));
    for (let i = 0; i < 12; i++) silences(h, { address: words(`192.0.2.${i}`), port: 443 + i });
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('silence of several networks and ports does', () => {
    const h = gateway(new Harness(2));
    silences(h, ...ALL);
    expect(h.health()).toEqual(['down', 'up']);
  });
});

describe('a route that can be asked', () => {
  it('is asked when it is suspect and before it is down, that once in ten seconds', () => {
    const h = gateway(new Asking(2));
    silences(h, ...ALL.slice(0, 3));
    expect(h.health()).toEqual(['suspect', 'up']);
    expect(h.questions).toEqual(['1 4']);
    silences(h, ...ALL.slice(3));
    expect(h.health()).toEqual(['suspect', 'up']);
    expect(h.questions).toEqual(['1 4', '1 4']);
    silences(h, ...ALL.slice(0, 2));
    expect(h.questions).toEqual(['1 4', '1 4', '1 4']);
  });

  it('that answers is not suspect for what stays silent, until it does not answer', () => {
    const h = gateway(new Asking(2));
    silences(h, ...MAIL.slice(0, 3));
    h.asked(1, true);
    silences(h, ...MAIL.slice(3, 6));
    expect(h.health()).toEqual(['up', 'up']);
    expect(h.questions).toEqual(['1 4', '1 4']);
    expect(only(h.asked(1, null), 'route-changed')).toMatchObject([{ route: 1, reason: 'silent' }]);
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('that has answered is not down by what is said of a few later silences', () => {
    const h = gateway(new Asking(2));
    silences(h, ...MAIL.slice(0, 6));
    h.asked(1, true);
    expect(h.health()).toEqual(['up', 'up']);
    h.asked(1, false);
    expect(h.health()).toEqual(['up', 'up']);
  });

  it('that has answered long ago is suspect as ever', () => {
    const h = gateway(new Asking(2));
    silences(h, ...MAIL.slice(0, 3));
    h.asked(1, true);
    h.pass(60_000);
    silences(h, ...MAIL.slice(3, 6));
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('that answers is up', () => {
    const h = gateway(new Asking(2));
    silences(h, ...MAIL.slice(0, 6));
    expect(h.questions).toEqual(['1 4', '1 4']);
    expect(h.asked(1, true).map(({ reason }) => reason)).toEqual(['answered']);
    expect(h.health()).toEqual(['up', 'up']);
    // And the silences before say nothing any more.
    silences(h, MAIL[6], MAIL[7]);
    expect(h.health()).toEqual(['up', 'up']);
  });

  it('that does not answer is down, whoever was silent', () => {
    const h = gateway(new Asking(2));
    silences(h, ...MAIL.slice(0, 6));
    expect(only(h.asked(1, false), 'route-changed')).toMatchObject([{ route: 1, reason: 'silent' }]);
    expect(h.health()).toEqual(['down', 'up']);
  });

  it('of which nobody can tell is down by the silence of many, not by that of one port', () => {
    const few = gateway(new Asking(2));
    silences(few, ...MAIL.slice(0, 6));
    expect(few.asked(1, null)).toEqual([]);
    expect(few.health()).toEqual(['suspect', 'up']);
    const many = gateway(new Asking(2));
    silences(many, ...ALL.slice(0, 6));
    many.asked(1, null);
    expect(many.health()).toEqual(['down', 'up']);
  });

  it('an answer that nobody waits for changes nothing', () => {
    const h = gateway(new Asking(2));
    for (const alive of [true, false, null]) for (const route of [0, 1, 2, 3, 99]) h.asked(route, alive);
    expect(h.health()).toEqual(['up', 'up']);
    silences(h, ...ALL.slice(0, 6));
    h.pass(11_000);
    h.asked(1, false);
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('checks that fail are a question: a target that is dead for all says nothing of any', () => {
    const checking = routes(2, () => ({ checkFails: 3 }));
    const h = gateway(new Asking(2, {}, checking));
    for (let i = 0; i < 2; i++) expect(h.checked(1, false)).toEqual([]);
    expect(h.checked(1, false)).toMatchObject([{ route: 1, reason: 'checks-failed' }]);
    expect(h.questions).toEqual(['1 4']);
    // Nobody begins anything on it until it has said something.
    expect(h.health()).toEqual(['suspect', 'up']);
    h.asked(1, null);
    expect(h.health()).toEqual(['up', 'up']);
    h.pass(10_000);
    // That it is in doubt is told once, until its checks have had an answer.
    expect(h.checked(1, false)).toEqual([]);
    expect(h.questions).toEqual(['1 4', '1 4']);
    expect(h.health()).toEqual(['up', 'up']);
    expect(h.asked(1, false).map(({ reason }) => reason)).toEqual(['checks-failed']);
    expect(h.health()).toEqual(['down', 'up']);
  });
});

describe('a route whose checks fail', () => {
  const inDoubt = (): Asking => {
    const h = gateway(
      new Asking(
        2,
        {},
        routes(2, () => ({ checkFails: 1 })),
      ),
    );
    h.checked(1, false);
    expect(h.health()).toEqual(['suspect', 'up']);
    return h;
  };

  it('is up at once when something answers by it', () => {
    const h = inDoubt();
    expect(h.asked(1, true).map(({ reason }) => reason)).toEqual(['answered']);
    expect(h.health()).toEqual(['up', 'up']);
  });

  it('is in doubt again when its checks have been answered meanwhile', () => {
    const h = inDoubt();
    h.asked(1, null);
    for (let i = 0; i < 3; i++) h.checked(1, true);
    h.pass(10_000);
    h.checked(1, false);
    expect(h.health()).toEqual(['suspect', 'up']);
  });

  it('that was suspect before stays so when nobody can tell', () => {
    const h = gateway(
      new Asking(
        2,
        {},
        routes(2, () => ({ checkFails: 1 })),
      ),
    );
    silences(h, ...ALL.slice(0, 4));
    h.checked(1, false);
    h.asked(1, null);
    expect(h.health()).toEqual(['suspect', 'up']);
  });
});

describe('a family that nobody uses', () => {
  it('is up again when its next hop answers, a while after its link is back', () => {
    const h = gateway(new Asking(2));
    h.setRoutes(link(false));
    h.setRoutes(link(true));
    expect(h.probed(1)).toEqual([]);
    h.pass(20_001);
    expect(h.probed(1)).toMatchObject([{ route: 1, reason: 'answered' }]);
    expect(h.health()).toEqual(['up', 'up']);
  });

  it('that says nothing where connections were silent a moment ago, nor of a route that is down', () => {
    const h = gateway(new Asking(2));
    silences(h, ...ALL.slice(0, 4));
    expect(h.health()).toEqual(['suspect', 'up']);
    h.pass(20_001);
    expect(h.probed(1)).toEqual([]);
    h.pass(100_000);
    expect(h.probed(1)).toMatchObject([{ route: 1, reason: 'answered' }]);
    silences(h, ...ALL);
    h.asked(1, false);
    h.pass(200_000);
    expect(h.probed(1)).toEqual([]);
    expect(h.health()).toEqual(['down', 'up']);
  });
});
