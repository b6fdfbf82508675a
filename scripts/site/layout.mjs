// A page around what was written in Markdown: navigation, search, both themes. All paths are relative, so that it is read from a disk as well.
import { posix } from 'node:path';

/** Where a page is in the site. */
export function placeOf(path) {
  return path === 'README.md' ? 'index.html' : path.replace(/\.md$/, '.html');
}

export function layout({ path, title, content, groups, titles }) {
  const here = placeOf(path);
  const to = (place) => posix.relative(posix.dirname(here), place) || posix.basename(place);
  const flat = groups.flatMap(([, paths]) => paths);
  const at = flat.indexOf(path);
  const step = (other, words) =>
    other === undefined
      ? '<span></span>'
      : `<a href="${to(placeOf(other))}">${words(escaped(titles.get(other)))}</a>`;
  const steps =
    at < 0
      ? ''
      : `<nav class="steps" aria-label="Next pages">${step(flat[at - 1], (t) => `← ${t}`)}${step(flat[at + 1], (t) => `${t} →`)}</nav>`;
  const navigation = groups
    .map(
      ([name, paths]) =>
        `<h2>${name}</h2><ul>${paths
          .map(
            (one) =>
              `<li><a href="${to(placeOf(one))}"${one === path ? ' aria-current="page"' : ''}>${escaped(titles.get(one))}</a></li>`,
          )
          .join('')}</ul>`,
    )
    .join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${path === 'README.md' ? 'Pathrace' : `${escaped(title)} - Pathrace`}</title>
<link rel="icon" href="${to('icon.svg')}">
<link rel="stylesheet" href="${to('style.css')}">
<script src="${to('theme.js')}"></script>
</head>
<body data-root="${to('index.html').replace(/index\.html$/, '')}">
<a class="skip" href="#content">To the text</a>
<header>
<button type="button" id="menu" aria-expanded="false" aria-controls="navigation">Pages</button>
<a class="name" href="${to('index.html')}">Pathrace</a>
<form role="search" id="search"><label for="words">Search</label><input type="search" id="words" autocomplete="off" aria-controls="found" placeholder="a key, an error, a word ( / )"></form>
<button type="button" id="theme">Dark</button>
</header>
<div id="found" role="region" aria-live="polite" aria-label="What was found" hidden></div>
<div class="columns">
<nav id="navigation" aria-label="Pages">${navigation}</nav>
<main id="content">
${content}
${steps}
</main>
</div>
<script src="${to('minisearch.js')}" defer></script>
<script src="${to('site.js')}" defer></script>
</body>
</html>
`;
}

export function escaped(text) {
  return String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
