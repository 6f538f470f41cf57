/** @file Each variant against the baseline: differences with their intervals, drawn on one scale. */

import { fill, h, s } from './dom.js';
import { probability, signed } from './format.js';
import { lookClass, sample } from './marks.js';
import { judged, label, METRICS } from './metrics.js';
import { ticks, tickLabel } from './scale.js';

const WIDTH = 200, ROW = 20;
/** So many metrics are in sight, and one of many variants; the rest is folded away. */
const IN_SIGHT = 3, MANY = 6;
const FEW = 3;
/** So many rows a figure of differences has at most. */
const MOST = 12;
/** These first: how good a variant is if training stops in time, and how much it overfits if not. */
const FIRST = [...METRICS.losses.flatMap((name) => [`best_${name}`, `final_${name}`]), 'rise'];

/**
 * @param {Element} root @param {any} analysis @param {import('./experiment.js').Experiment} experiment
 * @param {import('./series.js').Group[]} groups
 */
export function showComparison(root, analysis, experiment, groups) {
  if (analysis.problem) {
    fill(root, h('p', { class: 'muted' }, analysis.problem.status === 404 ? 'There is no comparison of this job.' : analysis.problem.message));
    return;
  }
  const look = new Map(groups.map((group) => [group.label, group.look]));
  const { job } = experiment, { baseline } = job.spec;
  if (groups.length < 2) {
    fill(root, h('p', { class: 'muted' }, 'This job has one variant. With another beside it, their difference stands here.'));
    return;
  }
  const all = [...new Set(analysis.comparisons.map((/** @type {any} */ each) => each.metric))];
  const first = [...new Set([judged(job.spec, analysis.view), ...FIRST])];
  const metrics = [...first.filter((metric) => all.includes(metric)), ...all.filter((metric) => !first.includes(metric))];
  const forests = metrics.map((metric) => forest(metric, analysis.comparisons.filter((/** @type {any} */ each) => each.metric === metric), look, job.task)).filter(Boolean);
  const sight = groups.length > MANY ? 1 : IN_SIGHT;
  fill(root,
    h('p', { class: 'muted small' }, `Differences from ${baseline}, paired by seed, with ${kind(analysis.comparisons[0])}.`),
    forests.slice(0, sight),
    forests.length > sight && h('details', { class: 'fold' }, h('summary', {}, 'More comparisons'), forests.slice(sight)));
}

/** What the intervals are. @param {any} row */
function kind(row) {
  if (row?.sequential) return `${Number((100 * row.confidence).toPrecision(3))}% intervals and p that hold at every look while seeds are added, and for all variants at once${row.confidence === 0.95 ? '' : ' (the job asks for this confidence: 1 − alpha)'}`;
  return '95% intervals and p of each comparison by itself; corrected for all variants by Holm’s method. What is the same is so by an interval that holds at every look';
}

/** Where the number comes from within which a variant is the same. @param {any} row */
const within = (row) => h('span', { class: 'muted small line' }, `The same, within ${Number(row.smallest)}: ${METRICS.matters[row.smallest_from].replace('{baseline}', row.baseline)}`);

/** The interval that the analysis's words go by. @param {any} row @returns {[number, number] | null} */
const ends = (row) => (row.sequential || row.finding === 'equivalent' ? row.ci_anytime : row.ci95);

/** Notes that matter, each once. @param {Element} root @param {{code: string, detail: string}[]} all */
export function showNotes(root, all) {
  const codes = [...new Set(all.map((each) => each.code))];
  const note = (/** @type {{code: string, detail: string}} */ each) => h('li', {}, each.detail, ' ', h('code', {}, each.code));
  fill(root, codes.flatMap((code) => {
    const same = all.filter((each) => each.code === code);
    if (same.length <= FEW) return same.map(note);
    return [note(same[0]), h('li', {}, h('details', { class: 'fold' }, h('summary', {}, `${same.length - 1} more like this`), h('ul', { class: 'notes' }, same.slice(1).map((each) => h('li', {}, each.detail)))))];
  }));
}

/** The rows that are drawn: of many, those that tell most. @param {any[]} rows */
function telling(rows) {
  if (rows.length <= MOST) return rows;
  const weight = (/** @type {any} */ row) => (row.difference === null ? -1 : (['lower', 'higher'].includes(row.finding) ? 1e9 : 0) + Math.abs(row.difference));
  const kept = new Set([...rows].sort((a, b) => weight(b) - weight(a)).slice(0, MOST));
  return rows.filter((row) => kept.has(row));
}

/** @param {number | null} value @param {string} metric */
const difference = (value, metric) => signed(value, metric.endsWith('epoch') ? 1 : 4);

/** @param {string} metric @param {any[]} all @param {Map<string, number>} look @param {string} task */
function forest(metric, all, look, task) {
  const rows = telling(all);
  const reached = rows.flatMap((row) => ends(row) ?? [row.difference]).filter((each) => each !== null);
  if (!reached.length) return null;
  const reach = Math.max(...reached.map(Math.abs)) * 1.1 || 1;
  const x = (/** @type {number} */ value) => 6 + ((value + reach) / (2 * reach)) * (WIDTH - 12);
  // Round numbers to both sides of zero, however the interval lies.
  const marks = [3, 5, 8].map((count) => ticks(-reach, reach, count)).find((found) => found.length > 1) ?? [0];
  return h('table', { class: 'table forest' },
    h('caption', {}, label(metric, task), rows.length < all.length && h('span', { class: 'muted small line' }, `The ${MOST} clearest of ${all.filter((row) => row.difference !== null).length}; all are in the table of variants`),
      rows.filter((row) => row.finding === 'equivalent' && row.sd).slice(0, 1).map(within)),
    h('thead', { class: 'visually-hidden' }, h('tr', {}, ['Variant', 'Difference, its interval and p'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, rows.map((row) => h('tr', {},
      h('th', { scope: 'row' }, h('span', { class: 'variant' }, sample(look.get(row.variant) ?? 1), h('span', { title: row.variant }, row.variant)),
        s('svg', { class: `interval ${lookClass(look.get(row.variant) ?? 1)}`, viewBox: `0 0 ${WIDTH} ${ROW}`, width: WIDTH, height: ROW, 'aria-hidden': 'true' },
          ...marks.map((each) => s('path', { class: each === 0 ? 'zero' : 'grid', d: `M${x(each)} 0V${ROW}` })),
          whisker(ends(row), x),
          row.difference !== null && s('circle', { cx: x(row.difference), cy: ROW / 2, r: 3.6 }))),
      h('td', { class: 'number' }, difference(row.difference, metric), h('span', { class: 'muted small line' }, interval(row, metric)),
        h('span', { class: 'muted small line' }, luck(row)))))),
    h('tfoot', { 'aria-hidden': 'true' }, h('tr', {}, h('td', {}, s('svg', { viewBox: `0 0 ${WIDTH} 14`, width: WIDTH, height: 14, class: 'interval' },
      ...marks.map((each) => s('text', { class: 'tick x', x: x(each), y: 11 }, tickLabel(each, marks))))), h('td'))));
}

/** @param {any} row @param {string} metric */
function interval(row, metric) {
  const found = ends(row);
  if (found) return `${difference(found[0], metric)} to ${difference(found[1], metric)}`;
  return ['no finite pair', 'one seed'][row.n] ?? (row.sequential && row.finding !== 'equivalent' ? 'no interval yet' : '');
}

/** @param {[number, number] | null} found @param {(value: number) => number} x */
const whisker = (found, x) => found && s('path', { class: 'whisker', d: `M${x(found[0])} ${ROW / 2}H${x(found[1])}` });

/** @param {any} row */
function luck(row) {
  const equal = (/** @type {number} */ p) => probability(p).replace(/^(?!<)/, '= ');
  if (row.finding === 'equivalent') return row.in_words;
  if (row.sequential) return row.n < 2 ? '' : `p ${equal(row.p_anytime)}`;
  return row.p === null ? '' : `p ${equal(row.p)}${row.p_holm === row.p ? '' : `, corrected ${probability(row.p_holm)}`}`;
}
