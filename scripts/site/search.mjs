// The index of the search: each heading with the text below it, made at build time and asked in the reader's browser.
import MiniSearch from 'minisearch';

/** As the script of the page has it (assets/site.js). */
export const OPTIONS = { fields: ['heading', 'page', 'text'], storeFields: ['heading', 'page', 'href'] };

/** `pages`: place in the site, title, and the HTML of the text. */
export function searchIndex(pages) {
  const index = new MiniSearch(OPTIONS);
  let id = 0;
  for (const { place, title, html } of pages) {
    const parts = html.split(/(?=<h[1-6] id=")/);
    for (const part of parts) {
      const head = /^<h[1-6] id="([^"]+)"[^>]*>(.*?)<\/h[1-6]>/s.exec(part);
      const heading = head === null ? title : textOf(head[2]);
      const text = textOf(head === null ? part : part.slice(head[0].length));
      // Rows of a table are found one by one: keys, errors, fields.
      index.add({
        id: id++,
        heading,
        page: title,
        text,
        href: head === null ? place : `${place}#${head[1]}`,
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
