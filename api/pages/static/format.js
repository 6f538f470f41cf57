/** @file Numbers, times and durations as people read them. */

const language = document.documentElement.lang;
const whole = new Intl.NumberFormat(language);
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });

/** @param {number | null | undefined} value */
const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

/** A count. @param {number | null | undefined} value */
export const count = (value) => (isNumber(value) ? whole.format(/** @type {number} */ (value)) : '–');

/**
 * A loss or an accuracy, four places, so that columns align; huge and tiny ones by their power of ten.
 * @param {number | null | undefined} value
 */
export function value(value) {
  if (!isNumber(value)) return '–';
  const number = /** @type {number} */ (value);
  const size = Math.abs(number);
  const text = size !== 0 && (size >= 1e4 || size < 1e-3) ? number.toExponential(2) : number.toFixed(4);
  return text.replace('-', '−');
}

/** A difference, its sign shown. @param {number | null | undefined} number @param {number} [places] */
export function signed(number, places = 4) {
  if (!isNumber(number)) return '–';
  const difference = /** @type {number} */ (number), size = Math.abs(difference);
  const text = size >= 1e4 ? size.toExponential(2) : size.toFixed(places);
  return (Number(text) === 0 ? '' : difference > 0 ? '+' : '−') + text;
}

/** A probability. @param {number | null | undefined} p */
export const probability = (p) =>
  !isNumber(p) ? '–' : /** @type {number} */ (p) < 0.001 ? '< 0.001' : /** @type {number} */ (p).toFixed(3);

/** @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (!isNumber(seconds)) return '–';
  const all = Math.max(0, /** @type {number} */ (seconds));
  if (all < 10) return `${all.toFixed(1)} s`;
  if (all < 60) return `${Math.round(all)} s`;
  const minutes = Math.round(all / 60);
  if (all < 3600) return all < 600 ? `${Math.floor(all / 60)} min ${Math.round(all % 60)} s` : `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment in the reader's zone. @param {string | null | undefined} time RFC 3339 */
export const moment = (time) => (time ? clock.format(new Date(time)) : '–');

/** The same without its seconds, for tables. @param {string} time RFC 3339 */
export const minute = (time) => short.format(new Date(time));

/** How long ago. @param {string} time RFC 3339 */
export function ago(time) {
  const seconds = (new Date(time).getTime() - Date.now()) / 1000;
  /** @type {[Intl.RelativeTimeFormatUnit, number][]} */
  const units = [['day', 86400], ['hour', 3600], ['minute', 60]];
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? 'just now' : relative.format(Math.round(seconds), 'second');
}

/** Seconds between two times, or until now. @param {string | null} start @param {string | null} end */
export const between = (start, end) =>
  start ? ((end ? new Date(end).getTime() : Date.now()) - new Date(start).getTime()) / 1000 : null;

/** @param {number} number @param {string} word */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

/**
 * The variants of a specification that are compared: without the trials of a search.
 * @param {any} spec
 * @returns {any[]}
 */
export function compared(spec) {
  return spec.variants.filter((/** @type {any} */ each) => !each.trial);
}

/** What a specification's data set is called: one that a user sent has a name of its own. @param {any} dataset */
export const datasetName = (dataset) => dataset.content?.title ?? dataset.name;
