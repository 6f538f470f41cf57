/** @file The rows that a job's baseline gets wrong. */

import { get } from './api.js';
import { fill, h, scrolling } from './dom.js';
import { count, plural, probability } from './format.js';

const KINDS = { always: 'wrong with every seed, from the least loss to the end', overfitted: 'wrong with every seed only at the end', label_errors: 'likely labelled wrong' };
const SHOWN = 5, LETTERS = 160;

/** @param {Element} root @param {any} job */
export async function showMistakes(root, job) {
  const found = await get(`${job.links.self}/mistakes`, { limit: SHOWN }).catch(() => null);
  fill(root, found?.n > 0 && [
    h('p', {}, h('b', {}, `Rows that ${found.variant} gets wrong. `),
      `Of ${plural(found.rows, 'row')}, ${Object.entries(KINDS).map(([kind, words]) => `${count(found[kind].count)} ${found[kind].count === 1 ? 'is' : 'are'} ${words}`).join(', ')}.`),
    found.no_values && h('p', { class: 'muted small' }, `What is in these rows is not shown: ${found.no_values}.`),
    Object.keys(KINDS).some((kind) => found[kind].data.length) && table(found),
  ]);
}

/** @param {any} found */
function table(found) {
  const heads = ['Kind', 'Row', 'Label', 'Its probability at the least loss', 'At the end', 'Taken for', 'Same inputs', 'Begins'];
  const rows = Object.entries(KINDS).flatMap(([kind, words]) => found[kind].data.map((/** @type {any} */ row) => h('tr', {},
    h('td', {}, words), h('td', { class: 'number' }, String(row.row)), h('td', {}, String(row.label)), h('td', { class: 'number' }, probability(row.probability)),
    h('td', { class: 'number' }, probability(row.probability_at_last)), h('td', {}, String(row.answer)), h('td', {}, same(row.same_inputs)), h('td', {}, beginning(row.values)))));
  return h('details', {}, h('summary', {}, `The first of these rows of the ${found.split} file`),
    scrolling('Rows that are wrong', h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, rows)));
}

/** The beginning of a row's longest text. @param {Record<string, any> | null} values */
function beginning(values) {
  const texts = Object.values(values ?? {}).filter((each) => typeof each === 'string').sort((a, b) => b.length - a.length);
  return texts.length ? [...texts[0]].slice(0, LETTERS).join('') : '–';
}

/** Which other rows have the same inputs. @param {{training: number, labels: Record<string, number>} | null} found */
function same(found) {
  if (!found) return '–';
  const labels = Object.entries(found.labels), rows = labels.reduce((sum, [, each]) => sum + each, 0);
  if (rows < 2) return 'no other row';
  const training = found.training ? `${plural(found.training, 'training row')}` : 'no training row';
  return labels.length > 1 ? `${training}; labelled ${labels.map(([label, each]) => `${label} in ${count(each)}`).join(', ')}` : training;
}
