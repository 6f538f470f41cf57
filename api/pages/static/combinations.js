/** @file Which two changes of a sweep add up: what each makes of the loss alone, both together, and what is beyond the sum. */

import { byId, fill, h, scrolling } from './dom.js';
import { probability, signed } from './format.js';

/** Of many pairs those that are shown at once. */
const MOST = 12;

/** A change of an axis. @param {string} axis @param {number | string} level */
const change = (axis, level) => `${axis}=${typeof level === 'number' ? Number(level) : level}`;

/** Shows the card, unless there is nothing to tell. @param {Element} root @param {any} analysis */
export function showCombinations(root, analysis) {
  const found = analysis?.combinations;
  byId('combinations-card').hidden = !found?.interactions.length;
  if (!found?.interactions.length) return;
  const pairs = [...found.interactions].sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  fill(root,
    h('p', { class: 'muted small' }, `What each change makes of the loss (lower is better) against ${references(found)}, both together, and what is beyond the sum: `,
      'below 0 the two help by more than the sum, above 0 by less. 95% intervals over the seeds (Student’s t); p corrected for all pairs. That two add up goes by an interval that holds at every look, and not by p.'),
    table('Which two add up', pairs.slice(0, MOST)),
    pairs.length > MOST && h('details', { class: 'fold' }, h('summary', {}, `${pairs.length - MOST} more pairs`), table('More pairs', pairs.slice(MOST))));
}

/** @param {any} found */
const references = (found) => [...new Set(found.effects.map((/** @type {any} */ each) => change(each.axis, each.reference)))].join(', ');

/** @param {string} caption @param {any[]} pairs */
function table(caption, pairs) {
  const number = (/** @type {any} */ effect) => h('td', { class: 'number' }, signed(effect.difference));
  return scrolling(caption,
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Two changes'), ['First', 'Second', 'Together', 'Beyond the sum'].map((name) => h('th', { scope: 'col', class: 'number' }, name)), h('th', { scope: 'col' }, 'That is'))),
    h('tbody', {}, pairs.map((pair) => h('tr', {}, h('th', { scope: 'row' }, pair.axes.map((/** @type {string} */ axis, /** @type {number} */ i) => change(axis, pair.levels[i])).join(' and ')),
      number(pair.first), number(pair.second), number(pair.together),
      h('td', { class: 'number' }, signed(pair.difference), pair.ci95 && h('span', { class: 'muted small line' }, `${signed(pair.ci95[0])} to ${signed(pair.ci95[1])}`)),
      h('td', {}, pair.in_words, pair.p_holm !== null && pair.finding !== 'equivalent' && h('span', { class: 'muted small line' }, `p ${probability(pair.p_holm)}`))))));
}
