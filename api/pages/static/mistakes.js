/** @file The rows that a job's baseline gets wrong, and what its seeds score together. */

import { get } from './api.js';
import { fill, h } from './dom.js';
import { count, plural, probability, value } from './format.js';

const KINDS = { always: 'wrong with every seed, from the least loss to the end', overfitted: 'wrong with every seed only at the end', label_errors: 'likely labelled wrong' };
const SHOWN = 5, LETTERS = 160;

/** @param {Element} root @param {any} job */
export async function showMistakes(root, job) {
  const [found, { variants }] = await Promise.all([get(`${job.links.self}/mistakes`, { limit: SHOWN }), get(`${job.links.self}/ensembles`)]).catch(() => [null, { variants: [] }]);
  const together = variants.find((/** @type {any} */ each) => each.variant === job.spec.baseline);
  fill(root, found?.n > 0 && [
    h('p', {}, h('b', {}, `Rows that ${found.variant} gets wrong. `),
      `Of ${plural(found.rows, 'row')}, ${Object.entries(KINDS).map(([kind, words]) => `${count(found[kind].count)} ${found[kind].count === 1 ? 'is' : 'are'} ${words}`).join(', ')}.`),
    together && h('p', {}, h('b', {}, `Seeds of ${found.variant} together. `),
      `The averaged probabilities of ${plural(together.n, 'seed')} have a loss of ${value(together.together.data_loss)} and an accuracy of ${value(together.together.acc)}; one seed has ${value(together.single.data_loss)} and ${value(together.single.acc)}.`),
    Object.keys(KINDS).some((kind) => found[kind].data.length) && table(found),
  ]);
}

/** @param {any} found */
function table(found) {
  const heads = ['Kind', 'Row', 'Label', 'Its probability at the least loss', 'At the end', 'Taken for', 'Begins'];
  const rows = Object.entries(KINDS).flatMap(([kind, words]) => found[kind].data.map((/** @type {any} */ row) => h('tr', {},
    h('td', {}, words), h('td', { class: 'number' }, String(row.row)), h('td', {}, String(row.label)), h('td', { class: 'number' }, probability(row.probability)),
    h('td', { class: 'number' }, probability(row.probability_at_last)), h('td', {}, String(row.answer)), h('td', {}, beginning(row.values)))));
  return h('details', {}, h('summary', {}, `The first of these rows of the ${found.split} file`),
    h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': 'Table: rows that are wrong' },
      h('table', { class: 'table' }, h('caption', { class: 'visually-hidden' }, 'Rows that are wrong'),
        h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))), h('tbody', {}, rows))));
}

/** The beginning of a row's longest text. @param {Record<string, any> | null} values */
function beginning(values) {
  const texts = Object.values(values ?? {}).filter((each) => typeof each === 'string').sort((a, b) => b.length - a.length);
  return texts.length ? [...texts[0]].slice(0, LETTERS).join('') : '–';
}
