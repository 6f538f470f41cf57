/** @file The table of a job's variants: what each came to over its seeds, and how it stands against the baseline. */

import { between, count, duration, probability, signed, value } from './format.js';
import { fill, h } from './dom.js';
import { sample, sign } from './marks.js';
import { judged, label, lossesIn, METRICS, phrase } from './metrics.js';
import { looks } from './series.js';
import { leader, sparklines } from './sparkline.js';
import { estimate } from './statistics.js';
import { Table } from './table.js';

/** @typedef {{mean: number | null, ci95: [number, number] | null}} Over */
/**
 * @typedef {{name: string, look: number, baseline: boolean, of: (name: string) => Over | undefined, runs: any[], verdict: string,
 *   rank: [number, number] | null, best: number | null, onset: number | null, against: any, curve: SVGElement | undefined}} Row
 */

/** What the analysis found of a comparison of losses, in its words. @param {any} row */
function against(row) {
  const found = /** @type {Record<string, string>} */ ({ lower: 'better', higher: 'worse' })[row?.finding] ?? 'muted';
  const p = row?.sequential ? row.p_anytime : row?.p_holm;
  return row && h('span', { class: found, title: p === null ? '' : `p, corrected: ${probability(p)}` }, row.in_words);
}

/** What stands small below a value. @param {import('./dom.js').Child} text */
const below = (text) => text && h('span', { class: 'muted small line' }, text);

/** A mean, and its interval below it. @param {Over | undefined} over @param {(number: number | null) => string} [show] */
const spread = (over, show = value) => [show(over?.mean ?? null), over?.ci95 && below(`${show(over.ci95[0])} to ${show(over.ci95[1])}`)];

/** Over a variant's runs. @param {Row} row @param {(run: any) => number | null | undefined} of @returns {Over | undefined} */
function across(row, of) {
  const known = row.runs.map(of).filter((each) => typeof each === 'number');
  if (!known.length) return undefined;
  const { mean, half } = estimate(known);
  return { mean, ci95: half === null ? null : [mean - half, mean + half] };
}

/** What training takes: of runs that were trained here to their end. @param {Row} row */
const seconds = (row) => across(row, (run) => (run.status === 'succeeded' && !run.reused_from ? between(run.started_at, run.finished_at) : null))?.mean;

/** @param {any} job @param {string} view @param {boolean} tested @returns {import('./table.js').Column<Row>[]} */
function columns({ task, spec }, view, tested) {
  const [training, validation] = lossesIn(view), { measure } = METRICS.tasks[task], by = phrase(judged(spec, view), task);
  const numbers = (/** @type {string} */ name, /** @type {string} */ heading, /** @type {string} */ title = '', show = value) =>
    ({ name: heading, title, number: true, sort: (/** @type {Row} */ row) => row.of(name)?.mean, cell: (/** @type {Row} */ row) => spread(row.of(name), show) });
  const score = (/** @type {string} */ name) => ({ name: label(`test_${name}`, task), title: 'Scored once, at the epoch that training chose', number: true,
    sort: (/** @type {Row} */ row) => across(row, (run) => run.test?.[name])?.mean, cell: (/** @type {Row} */ row) => spread(across(row, (run) => run.test?.[name])) });
  return [
    { name: 'Variant', sort: (row) => row.name, cell: (row) => h('span', { class: 'variant' }, sample(row.look), h('span', { title: row.name }, row.name), row.baseline && h('span', { class: 'muted small' }, ' baseline')) },
    { name: 'Curve, verdict', title: `Mean ${phrase(validation, task)} by epoch, all rows on one scale; sorted by what was seen`, sort: (row) => row.verdict, cell: (row) => [row.curve, h('span', { class: 'small line' }, row.onset !== null && sign('onset'), row.verdict)] },
    { name: 'Rank', title: `By the ${by}, of every pair of variants at once: the lowest and the highest that the seeds allow`, number: true, sort: (row) => row.rank?.[0], cell: (row) => (row.rank ? [...new Set(row.rank)].join('–') : '–') },
    { ...numbers(`best_${validation}`, label(`best_${validation}`, task), 'Lower is better. Mean over the seeds, its 95% interval, and the epoch it is of'),
      cell: (row) => [...spread(row.of(`best_${validation}`)), row.best !== null && below([sign('best'), `epoch ${count(row.best)}`])] },
    { name: `Against ${spec.baseline}, ${spec.search ? 'test' : 'validation'} set`, title: `By the ${by}, paired by seed, corrected for all variants`, sort: (row) => row.against?.difference, cell: (row) => (row.baseline ? '' : against(row.against)) },
    { ...numbers(`final_${validation}`, label(`final_${validation}`, task), 'Lower is better'), more: tested },
    numbers('rise', 'Rise', label('rise', task), signed),
    { ...numbers('gap_at_end', 'Gap', `${label(validation, task)} minus ${phrase(training, task)} at the last epoch`, signed), more: tested },
    { ...numbers(`best_${measure}`, label(`best_${measure}`, task)), more: tested },
    ...(tested ? [score(METRICS.tested), score(measure.replace(/^val_/, ''))] : []),
    { name: 'Parameters', title: 'And the time per run', number: true, sort: (row) => row.runs[0]?.parameters, cell: (row) => [count(row.runs[0]?.parameters), below(seconds(row) !== undefined && duration(seconds(row)))] },
  ];
}

export class ResultsTable {
  /** @param {Element} root @param {(variant: string | null) => void} onPick */
  constructor(root, onPick) {
    this.best = h('p', { class: 'ahead', role: 'status' });
    this.root = h('div', {}, h('div', { class: 'skeleton' }));
    fill(root, this.best, this.root);
    this.onPick = onPick;
    /** @type {Table<Row> | null} */
    this.table = null;
    this.made = '';
  }

  /** @param {import('./experiment.js').Experiment} experiment @param {any} analysis @param {string} view */
  show(experiment, analysis, view) {
    const { job } = experiment, tested = job.runs.some((/** @type {any} */ run) => run.test);
    if (this.made !== `${view} ${tested}`) {
      this.made = `${view} ${tested}`;
      this.table = new Table(this.root, columns(job, view, tested), { caption: 'Variants', key: (row) => row.name, text: (row) => `${row.name} ${row.verdict} ${row.against?.in_words ?? ''}`, onPick: (row) => this.onPick(row?.name ?? null) });
    }
    const best = leader(analysis), loss = phrase(judged(job.spec, view), job.task);
    this.best.textContent = best && (best.variant ? `${best.words} by its ${loss}: the seeds show that no other variant is.` : `${best.words} by their ${loss}: the seeds do not tell them apart.${analysis.ranking.length > 2 ? ` A rank takes more seeds than a difference from ${job.spec.baseline}: it is by all pairs at once.` : ''}`);
    this.table?.show(rowsOf(experiment, analysis, view));
  }
}

/** @param {import('./experiment.js').Experiment} experiment @param {any} analysis @param {string} view @returns {Row[]} */
function rowsOf({ job, runs }, analysis, view) {
  const { baseline } = job.spec, by = judged(job.spec, view);
  const look = looks(job.spec.variants.map((/** @type {any} */ each) => each.name), baseline);
  const curves = sparklines([...runs.values()], baseline, view, job.task);
  return analysis.variants.map((/** @type {any} */ each) => ({
    name: each.variant, look: look.get(each.variant) ?? 1, baseline: each.variant === baseline,
    of: (/** @type {string} */ name) => each.across_seeds[name],
    runs: job.runs.filter((/** @type {any} */ run) => run.variant === each.variant && run.trial === null),
    verdict: each.n || each.diverged ? each.verdict : 'no finished run yet',
    rank: analysis.ranking.find((/** @type {any} */ row) => row.variant === each.variant)?.rank ?? null,
    best: each.best_epoch, onset: each.onset_epoch,
    curve: curves.get(each.variant),
    against: analysis.comparisons.find((/** @type {any} */ row) => row.variant === each.variant && row.metric === by),
  }));
}
