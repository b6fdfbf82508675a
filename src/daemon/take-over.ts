/**
 * Another configuration in place of the one in force: everything is made to go by it, and only then it is in force. If a step fails,
 * everything goes by the one before again (docs/decisions/0029). Meanwhile whoever reports sees what was in force, of one moment.
 */
import type { ReloadPlan } from '../config/plan.js';
import type { DesiredState } from '../kernel/desired.js';
import type { ResolvedRoute } from '../kernel/routes.js';
import type { GatewayConfig } from '../model/config.js';
import type { Log } from '../observe/log.js';
import type { GatewayState } from './gateway-state.js';
import { followNames, settleNames } from './naming.js';

/** What is in force, for whoever shows it. */
export interface InForce extends GatewayState {
  /** The state that the kernel is to have by it. */
  desired(): DesiredState;
  /** Another configuration is being applied, or the last one undone. */
  readonly isChanging: boolean;
}

export interface TakeOverContext {
  readonly log: Pick<Log, 'level'>;
  /** With what everything goes by, or is being made to. */
  readonly gateway: GatewayState;
  desired(): DesiredState;
  /** Works out what follows from a configuration; nobody is told. */
  goBy(config: GatewayConfig): void;
  /** Makes everything go by it; may be repeated. */
  follow(): Promise<void>;
  /** The routes are those of before, at once and without a tool that may fail; the kernel follows. */
  backTo(routes: readonly ResolvedRoute[]): Promise<void>;
}

export class TakeOver {
  private before: InForce | null = null;

  constructor(private readonly context: TakeOverContext) {}

  get inForce(): InForce {
    const { gateway, desired } = this.context;
    return this.before ?? seenAs(gateway, { desired, isChanging: false });
  }

  /** All of it is in force when this returns; if it throws, nothing is, or what is left of it goes within a second. */
  async run({ live, succession }: ReloadPlan): Promise<void> {
    const { gateway, goBy, follow, backTo, log } = this.context;
    const { config, routes } = gateway;
    this.before = asItIs(this.context);
    try {
      const undo = followNames(gateway, live, succession);
      goBy(live);
      try {
        await follow();
      } catch (error) {
        undo();
        goBy(config);
        await backTo(routes);
        await follow().catch(() => undefined);
        throw error;
      }
      settleNames(gateway, live, succession);
      log.level = live.log.level;
    } finally {
      this.before = null;
    }
  }
}

/** Everything that the change is about as it is now; all else, such as health and counters, as it is when it is asked for. */
function asItIs({ gateway, desired }: TakeOverContext): InForce {
  const { config, routes } = gateway;
  const numbers = { routes: gateway.numbers.routes.copy(), services: gateway.numbers.services.copy() };
  const commands = gateway.commands.copy();
  const [state, notes, presence] = [desired(), gateway.notes(), gateway.presenceAlarms()];
  return seenAs(gateway, {
    config,
    routes,
    numbers,
    commands,
    desired: () => state,
    isChanging: true,
    notes: () => notes,
    presenceAlarms: () => presence,
    // A quota may close a route that no command has closed.
    adminOf: (name) => {
      const commanded = commands.of(name);
      return commanded === 'enabled' ? gateway.adminOf(name) : commanded;
    },
  });
}

function seenAs(gateway: GatewayState, own: Partial<InForce> & Pick<InForce, 'desired'>): InForce {
  return Object.create(gateway, Object.getOwnPropertyDescriptors(own)) as InForce;
}
