/** @file Elements made from values. Text is always text: no string ever becomes markup. */

const ROOT = document.documentElement.dataset.root ?? '';

/** The address of one of the service's own paths; what is one already stays as it is. @param {string} path */
export const at = (path) => (path.startsWith('/') && !path.startsWith(`${ROOT}/`) ? ROOT + path : path);

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Sets attributes, properties and listeners. `on…` listens; `class`, `data-…`, `aria-…` and whatever
 * SVG has are attributes; true and false add and take away; the rest are properties (`value`, `checked`).
 * @param {Element} element
 * @param {Record<string, any>} properties
 */
function give(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'href') element.setAttribute(name, at(value));
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && !(element instanceof SVGElement) && !name.includes('-')) {
      /** @type {any} */ (element)[name] = value;
    } else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** @param {Child[]} children */
const shown = (children) =>
  children.flat(2).filter((child) => child !== null && child !== undefined && child !== false).map((child) =>
    child instanceof Node ? child : String(child));

/**
 * An HTML element.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { class: name, ...rest } = properties;
  if (name) element.className = name;
  element.append(...shown(/** @type {Child[]} */ (children)));
  give(element, rest);
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  give(element, attributes);
  element.append(...shown(children));
  return element;
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...shown(/** @type {Child[]} */ (children)));
}

/**
 * A table that scrolls in its own place, by the keyboard too.
 * @param {string} caption for those who do not see where it stands
 * @param {...(Child | Child[])} parts its head and body
 * @returns {any}
 */
export function scrolling(caption, ...parts) {
  return h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': `Table: ${caption}` },
    h('table', { class: 'table' }, h('caption', { class: 'visually-hidden' }, caption), ...parts));
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/**
 * Calls `act` once, `milliseconds` after the last of several calls.
 * @template {any[]} A
 * @param {(...values: A) => void} act
 * @param {number} milliseconds
 */
export function debounced(act, milliseconds) {
  let timer = 0;
  return (/** @type {A} */ ...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...values), milliseconds);
  };
}

/**
 * Calls `act` before the next frame, once however often it is asked for.
 * @param {() => void} act
 */
export function framed(act) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    // A hidden page gets no frames; it draws when it is looked at again.
    requestAnimationFrame(() => {
      waiting = false;
      act();
    });
  };
}
