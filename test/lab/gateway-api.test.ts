/** The API of a real gateway, over its socket, TCP and TLS: what it answers is what the document says, and what it is asked is done. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/api/client/request.js';
import { socketClient } from '../../src/api/client.js';
import type { DecisionEvent } from '../../src/api/contract.js';
import {
  connectMs,
  eventually,
  type GatewayLab,
  NEAR,
  PATHRACE,
  withGateway,
} from './support/gateway-lab.js';

const SCENARIO = {
  providers: [
    { name: 'a', link: { delayMs: 4 } },
    { name: 'b', link: { delayMs: 12 } },
  ],
};
const PORT = 8088;
const SERVICES = [{ name: 'web', match: { tcp: 'any' }, select: 'race', affinity: 'none' }];

const document = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
  >;
  components: object;
};

function expectAsSaid(path: string, answer: unknown): void {
  const { schema } = document.paths[path].get.responses[200].content['application/json'];
  const closed = JSON.parse(JSON.stringify({ ...schema, components: document.components }), (_, one) =>
    typeof one === 'object' && one !== null && 'properties' in one && !Array.isArray(one)
      ? { additionalProperties: false, ...one }
      : one,
  ) as object;
  const check = new Ajv2020({ strict: false, validateFormats: false }).compile(closed);
  expect(check(JSON.parse(JSON.stringify(answer))), `${path} ${JSON.stringify(check.errors)}`).toBe(true);
}

interface Served {
  readonly made: GatewayLab;
  readonly call: Call;
  /** What `curl` prints, in the gateway's namespace: the body, and the status in a line behind it. */
  curl(...args: string[]): Promise<{ readonly body: string; readonly status: number }>;
  token(name: string, role: string): Promise<string>;
}

async function withApi(api: object, action: (served: Served) => Promise<void>): Promise<void> {
  await withGateway(SCENARIO, { config: { services: SERVICES, memory: { refresh: 0 } } }, async (made) => {
    const folder = dirname(made.lab.controlSocket);
    const tokens = join(folder, 'tokens');
    const run = made.lab.gateway;
    const token = async (name: string, role: string): Promise<string> =>
      (await run.must([PATHRACE, 'token', 'add', name, '--role', role, '--tokens', tokens])).trim();
    const certificate = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const names = ['-subj', '/CN=gateway', '-addext', 'subjectAltName=IP:10.0.0.1,DNS:gateway.lan'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    await run.must([
      'openssl',
      'req',
      '-x509',
      ...kind,
      '-keyout',
      certificate.key,
      '-out',
      certificate.cert,
      ...names,
    ]);
    const tls = 'tls' in api ? { tls: certificate } : {};
    const call = socketClient(made.lab.controlSocket);
    // While it runs.
    const before = await call('GET /v1/config/file');
    const { stringify } = await import('yaml');
    const text = `${before.text}\n${stringify({ api: { tokens, ...api, ...tls } })}`;
    const report = await call('PUT /v1/config/apply', { body: text });
    expect(report).toMatchObject({ applied: true, file: before.file, backup: `${before.file}.bak` });
    expect(readFileSync(`${before.file}.bak`, 'utf8')).toBe(before.text);
    await action({
      made,
      call,
      token,
      curl: async (...args) => {
        const all = ['curl', '-s', '-m', '10', '-w', '\n%{http_code}', ...args];
        const { stdout } = await run.run(all);
        const at = stdout.lastIndexOf('\n');
        return { body: stdout.slice(0, at), status: Number(stdout.slice(at + 1)) };
      },
    });
  });
}

describe('the API of a running gateway', () => {
  test('answers as the document says, while connections are raced', async () => {
    await withApi({ listen: `127.0.0.1:${PORT}`, anonymous: 'read' }, async ({ made, call, curl }) => {
      const echo = await made.lab.server().echo({ ports: [80] });
      const events = made.lab.gateway.spawn(['curl', '-sN', `http://127.0.0.1:${PORT}/v1/events`]);
      await events.waitForLine(/^event: counters/, 10_000);
      connectMs(
        await made.lab.client().connect({
          targets: [{ address: NEAR, port: 80 }],
          count: 40,
          concurrency: 8,
          hold: true,
          bytes: 10,
        }),
      );
      const flows = await eventually(
        () => call('GET /v1/flows', { query: { limit: 25 } }),
        (page) => page.flows.length === 25,
        5000,
      );
      expect(flows.next).not.toBeNull();
      const rest = await call('GET /v1/flows', { query: { limit: 25, cursor: flows.next ?? '' } });
      expect(rest.next).toBeNull();
      const clients = [...flows.flows, ...rest.flows].map(({ client }) => client);
      expect(new Set(clients).size).toBe(40);
      expect(
        flows.flows.every(({ route, service }) => ['a', 'b'].includes(route ?? '') && service === 'web'),
      ).toBe(true);
      expect(flows.flows.some(({ decision }) => decision?.service === 'web')).toBe(true);
      const first = await call('GET /v1/decisions', { query: { limit: 1, outcome: 'won' } });
      expect(first.decisions[0]).toMatchObject({ service: 'web', states: { a: 'up', b: 'up' } });
      const ids = new Set<number>();
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await call('GET /v1/decisions', {
          query: { limit: 7, ...(cursor === undefined ? {} : { cursor }) },
        });
        for (const { id = -1 } of page.decisions)
          expect(ids.has(id) ? 'twice' : ids.add(id)).not.toBe('twice');
        cursor = page.next;
      }
      expect(ids.size).toBeGreaterThan(0);
      const forged = await curl(`http://127.0.0.1:${PORT}/v1/decisions?cursor=x.y.z`);
      expect([forged.status, JSON.parse(forged.body).code]).toEqual([400, 'E_ARGUMENT']);
      for (const path of Object.keys(document.paths)) {
        if (document.paths[path].get === undefined || /events|openapi|metrics/.test(path)) continue;
        const asked =
          path.replace('{name}', 'a') +
          (path.endsWith('what-if') ? `?client=10.0.0.2&destination=${NEAR}&port=80` : '');
        const { body, status } = await curl(`http://127.0.0.1:${PORT}${asked}`);
        expect(status, body).toBe(200);
        expectAsSaid(path, JSON.parse(body));
      }
      const lines = (): string[] => events.stdout().split('\n');
      const shown = await eventually(
        async () =>
          lines().filter((line, i) => line.startsWith('data:') && lines()[i - 1] === 'event: decision'),
        (found) => found.length > 0,
        5000,
      );
      const sample = JSON.parse(shown[0].slice(5)) as DecisionEvent;
      expect(sample.shown).toBe(sample.decisions.length);
      expect(sample.made).toBeGreaterThanOrEqual(sample.shown);
      const samples = (await call('GET /v1/routes/{name}', { params: { name: 'a' } })).seconds;
      expect(samples.some(({ wins, rttMicros }) => wins > 0 && (rttMicros ?? 0) > 3000)).toBe(true);
      await call('POST /v1/routes/{name}/{command}', { params: { name: 'b', command: 'drain' } });
      await eventually(
        async () => events.stdout(),
        (text) => /event: route\ndata: .*"draining"/.test(text),
        5000,
      );
      await events.stop();
      await echo.forget();
    });
  });

  test('takes a configuration as a whole or not at all', async () => {
    await withApi({ listen: `127.0.0.1:${PORT}`, anonymous: 'read' }, async ({ call }) => {
      const { file, text, digest } = await call('GET /v1/config/file');
      const wrong = text.replace('select: race', 'select: nobody');
      expect(await call('POST /v1/config/validate', { body: wrong })).toMatchObject({ valid: false });
      await expect(call('PUT /v1/config/apply', { body: wrong })).rejects.toMatchObject({
        code: 'E_CONFIG_INVALID',
      });
      expect(readFileSync(file, 'utf8')).toBe(text);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
      const more = `${text}log: { level: warn }\n`;
      expect(await call('POST /v1/config/diff', { body: more })).toMatchObject({
        changes: [{ key: 'log.level', after: 'warn' }],
      });
      expect(await call('PUT /v1/config/apply', { body: more })).toMatchObject({ applied: true });
      expect(readFileSync(file, 'utf8')).toBe(more);
      writeFileSync(file, text);
      expect(await call('POST /v1/reload')).toMatchObject({ applied: true });
    });
  });

  test('is served by TLS to the LAN, for tokens alone', async () => {
    await withApi(
      { listen: `10.0.0.1:${PORT}`, hosts: 'gateway.lan', tls: {} },
      async ({ made, token, curl }) => {
        const [eye, hand] = [await token('eye', 'read'), await token('hand', 'operate')];
        const url = `https://10.0.0.1:${PORT}`;
        const as = (text: string): string[] => ['-k', '-H', `Authorization: Bearer ${text}`];
        await eventually(
          () => curl(...as(eye), `${url}/v1/status`),
          ({ status }) => status === 200,
          10_000,
        );
        expect((await curl('-k', `${url}/v1/status`)).status).toBe(401);
        expect((await curl('-k', `${url}/v1/health`)).status).toBe(200);
        expect((await curl(...as(`${eye}x`), `${url}/v1/status`)).status).toBe(401);
        expect((await curl(...as(eye), '-X', 'POST', `${url}/v1/routes/b/drain`)).status).toBe(403);
        expect((await curl(...as(hand), '-H', 'Host: evil.example', `${url}/v1/status`)).status).toBe(403);
        expect(
          (await curl(...as(hand), '-H', 'Origin: https://evil.example', `${url}/v1/status`)).status,
        ).toBe(403);
        expect((await curl(...as(hand), '-X', 'POST', `${url}/v1/routes/b/drain`)).status).toBe(200);
        const cert = join(dirname(made.lab.controlSocket), 'cert.pem');
        const named = ['--cacert', cert, '--resolve', `gateway.lan:${PORT}:10.0.0.1`];
        expect(
          (
            await curl(
              ...named,
              '-H',
              `Authorization: Bearer ${eye}`,
              `https://gateway.lan:${PORT}/v1/version`,
            )
          ).status,
        ).toBe(200);
        // No TLS, nothing.
        expect((await curl(`http://10.0.0.1:${PORT}/v1/health`)).status).not.toBe(200);
        const log = made.daemon.stderr();
        for (const secret of [eye, hand]) expect(log).not.toContain(secret.slice(12));
      },
    );
  });
});
