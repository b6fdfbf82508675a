/** A service: what it matches, how it chooses, what it took. */
import { z } from 'zod';
import { count, flag, said, text } from './common.js';

export const ServicePlan = z
  .object({
    kind: said(
      z.enum(['race', 'memory', 'turns', 'hash', 'one', 'daemon', 'rest', 'none']),
      '`race`: copies decide. `memory`: what is remembered does, else copies. `turns`, `hash`, `one`: the kernel, among `routes`. `daemon`: the daemon chooses each. `rest`: as what no service takes. `none`: no route of it carries the family.',
    ),
    routes: said(
      z.record(z.string(), z.number()),
      'Share of each route, 0 to 1; empty unless the kernel chooses.',
    ),
  })
  .meta({ id: 'ServicePlan' });

export const ServiceStatus = z
  .object({
    name: text('Name of the service.'),
    match: text('What it matches, as the file says it, defaults left out.'),
    select: text('How it chooses.'),
    affinity: text('Which connections stay together.'),
    active: flag('Whether its time is now: at others it takes no new connections.'),
    plan: said(
      z.object({ ipv4: ServicePlan, ipv6: ServicePlan }),
      'What the kernel does with a new connection of each family by itself, at this moment.',
    ),
    hits: count('First packets of new connections that it took, since its rules are in the kernel.'),
  })
  .meta({ id: 'ServiceStatus' });
