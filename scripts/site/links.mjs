// Every link and picture of the built site is there, with its anchor; nothing is fetched from anywhere else.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** What is wrong, a line each. */
export function brokenLinks(site) {
  const files = filesOf(site);
  const pages = new Map(
    files.filter((file) => file.endsWith('.html')).map((file) => [file, readFileSync(file, 'utf8')]),
  );
  const ids = new Map(
    [...pages].map(([file, html]) => [
      file,
      new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)),
    ]),
  );
  return [...pages].flatMap(([file, html]) =>
    [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].flatMap(([, raw]) => {
      const target = raw.replace(/&amp;/g, '&');
      if (/^(https?|mailto):/.test(target)) return [];
      const [path, anchor] = target.split('#');
      const found = path === '' ? file : join(dirname(file), decodeURI(path));
      const where = `${relative(site, file)}: ${target}`;
      if (/^[a-z]+:/.test(path) || !existsSync(found) || !statSync(found).isFile())
        return [`${where}: no such page or file`];
      return anchor === undefined || ids.get(found)?.has(decodeURIComponent(anchor))
        ? []
        : [`${where}: no such heading`];
    }),
  );
}

/** Whatever a browser would fetch from another host by itself: not links that somebody follows. */
export function foreignRequests(site) {
  return filesOf(site).flatMap((file) => {
    if (!/\.(html|css|js|svg)$/.test(file)) return [];
    const text = readFileSync(file, 'utf8');
    const found = [
      ...text.matchAll(
        /<(?:script|img|link|iframe|source|use|image|object|embed|video|audio)\b[^>]*?(?:src|href|data|srcset)="\s*((?:[a-z]+:)?\/\/[^"]*)"/gi,
      ),
      ...text.matchAll(/(?:url\(|@import)\s*['"]?((?:https?:)?\/\/[^'")\s]*)/gi),
      ...(file.endsWith('.js')
        ? text.matchAll(
            /(?:fetch|import|open|WebSocket|EventSource|sendBeacon)\(\s*['"`]((?:[a-z]+:)?\/\/[^'"`]*)/g,
          )
        : []),
    ];
    return found.map(([, address]) => `${relative(site, file)}: ${address}`);
  });
}

export function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
