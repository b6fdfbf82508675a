// The index of the search: each heading with the text below it, and each row that begins with a key or a code, made at build time and asked
// in the reader's browser.
import MiniSearch from 'minisearch';

/** As the script of the page has it (assets/site.js). */
export const OPTIONS = { fields: ['heading', 'page', 'text'], storeFields: ['heading', 'page', 'href'] };

/** `pages`: place in the site, title, and the HTML of the text. */
export function searchIndex(pages) {
  const index = new MiniSearch(OPTIONS);
  let id = 0;
  for (const { place, title, html } of pages) {
    for (const part of html.split(/(?=<h[1-6] id=")|(?=<tr id=")/)) {
      const head = /^<h[1-6] id="([^"]+)"[^>]*>(.*?)<\/h[1-6]>|^<tr id="([^"]+)">\s*<td>(.*?)<\/td>/s.exec(
        part,
      );
      const anchor = head?.[1] ?? head?.[3];
      const heading = head === null ? title : textOf(head[2] ?? head[4]);
      const text = textOf(head === null ? part : part.slice(head[0].length));
      index.add({
        id: id++,
        heading,
        page: title,
        text,
        href: anchor === undefined ? place : `${place}#${anchor}`,
      });
    }
  }
  return JSON.stringify(index);
}

function textOf(html) {
  return html
    .replace(/<[^>]+>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim();
}
