/** @file What a job's networks score without more training: a variant's seeds together, and recalibrated probabilities. */

import { get } from './api.js';
import { byId, fill, h, scrolling } from './dom.js';
import { signed, value } from './format.js';
import { label, lossesIn, METRICS, phrase } from './metrics.js';

let told = '';

/** @param {any} job @param {string} state nothing is asked again as long as it is the same */
export async function showUntrained(job, state) {
  if (told === state) return;
  told = state;
  const none = { variants: [] };
  const [together, recalibrated] = await Promise.all([
    get(`${job.links.self}/ensembles`).catch(() => none),
    job.task === 'regression' ? none : get(`${job.links.self}/recalibration`).catch(() => none),
  ]);
  if (told !== state) return;
  byId('untrained-card').hidden = !together.variants.length && !recalibrated.variants.length;
  fill(byId('untrained'), together.variants.length > 0 && seeds(together, job), recalibrated.variants.length > 0 && temperatures(recalibrated, job));
}

/** A variant's seeds together, in a row beside one of them. @param {any} found @param {any} job */
function seeds(found, job) {
  const loss = lossesIn('data')[1], { measure } = METRICS.tasks[job.task];
  const names = { [METRICS.tested]: label(loss, job.task), [measure.replace(/^val_/, '')]: label(measure, job.task) };
  const rows = found.variants.flatMap((/** @type {any} */ each) => [
    [each.variant, 'one seed', each.single, null], [each.variant, `${each.n} seeds together`, each.together, each.against_baseline],
  ]);
  return [h('h3', {}, 'Seeds together'), h('p', {}, found.sentence),
    table('Seeds together', ['Variant', 'By', ...Object.values(names), `Against one seed of ${job.spec.baseline}`, '95% interval'], 2,
      rows.map((/** @type {any} */ [variant, who, scores, against]) => [variant, who, ...Object.keys(names).map((name) => value(scores[name])), signed(against?.difference), interval(against?.ci95)])),
    h('p', { class: 'muted small' }, `At each run's chosen epoch. Averaging takes away what differs from seed to seed; to predict takes a network per seed. The interval of the ${phrase(loss, job.task)} is of these trainings, had other rows of the same kind been scored.`)];
}

/** @param {any} found @param {any} job */
function temperatures(found, job) {
  const heads = ['Variant', 'That is', 'Temperature', 'As it is', 'Recalibrated', `Against ${job.spec.baseline}, as it is`, 'Recalibrated', '95% interval'];
  return [h('h3', {}, 'Recalibrated'), h('p', {}, found.sentence),
    table('Recalibrated', heads, 2, found.variants.map((/** @type {any} */ each) => {
      const of = found.comparisons.find((/** @type {any} */ one) => one.variant === each.variant);
      return [each.variant, of?.in_words ?? '–', each.temperature.toFixed(2), value(each.loss), value(each.recalibrated), signed(of?.before), signed(of?.difference), interval(of?.ci95)];
    })),
    h('p', { class: 'muted small' }, `The ${phrase(lossesIn('data')[1], job.task)} at each run's chosen epoch, as it is and with the outputs divided by a temperature that is fitted on other rows; above 1 the probabilities were too sure. Differences are paired by seed.`)];
}

/** @param {[number, number] | null | undefined} ends */
const interval = (ends) => (ends ? `${signed(ends[0])} to ${signed(ends[1])}` : '–');

/** @param {string} caption @param {string[]} heads @param {number} words the first so many columns are no numbers @param {string[][]} rows */
function table(caption, heads, words, rows) {
  const look = (/** @type {number} */ i) => (i < words ? {} : { class: 'number' });
  return scrolling(caption, h('thead', {}, h('tr', {}, heads.map((head, i) => h('th', { scope: 'col', ...look(i) }, head)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell, i) => h('td', look(i), cell))))));
}
