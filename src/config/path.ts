/** A place of the file. */

/** Keys and list places from the top of the file to a value. */
export type Path = readonly (string | number)[];

/** `routes.a.addresses[1]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = step.length > 60 ? `${step.slice(0, 60)}…` : step;
    const shown = /^[\w.-]+$/.test(key) ? key : JSON.stringify(key);
    return text === '' ? shown : `${text}.${shown}`;
  }, '');
}
