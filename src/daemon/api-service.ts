/** The API as a part of the gateway: the control socket from the first moment on, TCP and the page as the configuration in force says. */
import type { RouteStatus } from '../api/contract.js';
import { EventHub } from '../api/events.js';
import { Listeners } from '../api/listeners.js';
import { Page, pageFolder } from '../api/page.js';
import { startControl } from '../api/server.js';
import { TcpDoor } from '../api/tcp-door.js';
import { dateText, originMs } from '../kernel/clock.js';
import type { RaceSnapshot } from '../kernel/race-messages.js';
import type { Log } from '../observe/log.js';
import type { Complaints } from './complaints.js';
import type { ConfigSource } from './config-source.js';
import { createBackend } from './control.js';
import { EventFeed, QUICK_MS } from './event-feed.js';
import { every } from './every.js';
import { allAlarms } from './report.js';
import { Samples } from './samples.js';
import type { InForce } from './take-over.js';
import { TokenKeeper } from './token-keeper.js';

export interface ApiContext {
  readonly log: Log;
  readonly complaints: Complaints;
  readonly source: ConfigSource;
  inForce(): InForce;
  readonly hasIpv6: boolean;
}

const SECOND_MS = 1000;

export class ApiService {
  private readonly hub = new EventHub();
  private readonly samples = new Samples();
  private readonly tokens: TokenKeeper;
  private readonly closers: (() => void | Promise<void>)[] = [];
  private listeners: Listeners | null = null;
  private page: Page | null = null;
  /** Which addresses do not answer, as it was said last. */
  private said = '';

  private constructor(private readonly context: ApiContext) {
    this.tokens = new TokenKeeper(context.log);
  }

  /** Serves the control socket at once. Throws as `startControl`. */
  static async start(path: string, context: ApiContext): Promise<ApiService> {
    const service = new ApiService(context);
    await service.begin(path);
    return service;
  }

  /** What somebody should look at. */
  alarms(): string[] {
    return [...(this.listeners?.alarms() ?? []), ...this.tokens.alarms()];
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }

  private async begin(path: string): Promise<void> {
    const { context, hub, samples } = this;
    const { inForce, source, hasIpv6, complaints } = context;
    const control = await startControl(path, createBackend(inForce, source, { samples, hasIpv6 }), {
      hub,
      dateText: (ms) => dateText(originMs() + ms),
      page: () => this.page,
    });
    this.closers.push(() => control.close());
    const door = new TcpDoor(
      () => ({ config: inForce().config.api, tokens: this.tokens.tokens }),
      () => performance.now(),
    );
    const listeners = new Listeners(control.routing, door);
    this.listeners = listeners;
    this.closers.push(() => listeners.close());
    const feed = new EventFeed({ hub, samples, inForce, alarms });
    this.closers.push(
      every(SECOND_MS, () => this.follow(), complaints.about('api')),
      every(SECOND_MS, () => feed.second(), complaints.about('events')),
      every(QUICK_MS, () => feed.quick(), complaints.about('events')),
    );
    await this.follow().catch((error: unknown) => complaints.failed('api', error));

    function alarms(routes: readonly RouteStatus[], snapshot: RaceSnapshot): readonly string[] {
      return allAlarms(inForce(), routes, snapshot);
    }
  }

  /** Listens where the configuration in force says so. What does not work is an alarm, and tried again each second. */
  async follow(): Promise<void> {
    const { listeners, context } = this;
    const { api } = context.inForce().config;
    if (listeners === null) return;
    await this.tokens.look(api.tokens);
    if (api.listen.length > 0) this.page ??= await Page.of(await pageFolder());
    await listeners.follow(api);
    const alarms = listeners.alarms().join('; ');
    if (alarms !== '' && alarms !== this.said) context.log.warn({ event: 'api-listen-failed' }, alarms);
    this.said = alarms;
  }
}
