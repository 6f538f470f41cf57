/** @file What a draft would train: runs, parameters, and how long that may take by what past runs took. */

import { get } from './api.js';
import { fill, h } from './dom.js';
import { between, count, datasetName, duration, plural } from './format.js';

/** @typedef {{rows: string, parameters: number, seconds: number}} Pace seconds per epoch */

/** The rows that a variant is trained and validated on, as one text. @param {any} spec @param {any} variant */
const rowsOf = (spec, variant) => JSON.stringify({ ...spec.dataset, ...variant?.dataset });

/** @type {Promise<Pace[]> | null} */
let paces = null;

/** What an epoch took in the latest jobs. @returns {Promise<Pace[]>} */
async function past() {
  const list = await get('/v1/jobs', { status: 'succeeded', limit: 30 });
  // A list has big jobs without their runs.
  return list.data.flatMap((/** @type {any} */ job) => (job.runs ?? []).filter((/** @type {any} */ run) => run.epoch).map((/** @type {any} */ run) => ({
    rows: rowsOf(job.spec, job.spec.variants.find((/** @type {any} */ each) => each.name === run.variant)), parameters: run.parameters,
    seconds: /** @type {number} */ (between(run.started_at, run.finished_at)) / run.epoch,
  }))).filter((/** @type {Pace} */ pace) => pace.seconds > 0.001);
}

/** Seconds of training, by the runs nearest in size on the same data; null where there are none. @param {any} preview @returns {Promise<number | null>} */
async function expected(preview) {
  const known = await (paces ??= past().catch(() => []));
  let total = 0;
  for (const [i, variant] of preview.variants.entries()) {
    const rows = rowsOf(preview.spec, preview.spec.variants[i]), alike = known.filter((pace) => pace.rows === rows);
    if (!alike.length) return null;
    const distance = (/** @type {Pace} */ pace) => Math.abs(Math.log(pace.parameters / variant.parameters));
    const least = Math.min(...alike.map(distance));
    const near = alike.filter((pace) => distance(pace) <= least + 0.05).map((pace) => pace.seconds).sort((a, b) => a - b);
    const training = preview.spec.variants[i].training ?? preview.spec.training;
    total += near[Math.floor(near.length / 2)] * training.epochs * preview.spec.seeds.length;
  }
  return total;
}

/** @param {Element} root @param {any} preview */
export async function showPreview(root, preview) {
  const { spec } = preview;
  const seconds = await expected(preview);
  fill(root,
    h('p', { class: 'sum' }, h('strong', {}, plural(preview.runs, 'run')), ` ${plural(preview.variants.length, 'variant')} × ${plural(spec.seeds.length, 'seed')}, on ${datasetName(spec.dataset)}`),
    h('p', { class: 'muted small' }, seconds === null ? 'How long it takes is not known yet: nothing like it was trained here.' : `About ${duration(seconds)} of training, by what runs like these took; several workers share it.`),
    h('table', { class: 'table' }, h('caption', { class: 'visually-hidden' }, 'Parameters'), h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Variant'), h('th', { scope: 'col', class: 'number' }, 'Parameters'))),
      h('tbody', {}, preview.variants.slice(0, 12).map((/** @type {any} */ each) => h('tr', {}, h('th', { scope: 'row' }, each.name, each.name === spec.baseline && h('span', { class: 'muted small' }, ' baseline')), h('td', { class: 'number' }, count(each.parameters)))))),
    preview.variants.length > 12 && h('p', { class: 'muted small' }, `… and ${preview.variants.length - 12} more`),
    preview.warnings.length > 0 && h('ul', { class: 'notes' }, preview.warnings.map((/** @type {any} */ each) => h('li', { title: each.code }, each.detail))));
}
