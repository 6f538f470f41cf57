/** @file The table of a job's runs. */

import { post } from './api.js';
import { finished } from './experiment.js';
import { between, count, duration, signed, value } from './format.js';
import { byId, h } from './dom.js';
import { sample } from './marks.js';
import { label, lossesIn, METRICS, phrase } from './metrics.js';
import { looks } from './series.js';
import { best } from './statistics.js';
import { bar, badge, showPicked, showProblem } from './status.js';
import { Table } from './table.js';

/** @typedef {import('./experiment.js').Experiment} Experiment */
/**
 * @typedef {{id: string, variant: string, look: number, seed: number, run: any, epoch: number, best: number | null, loss: number | null,
 *   measure: number | null, final: number | null, gap: number | null, verdict: string, seconds: number | null, diverged: boolean}} Row
 */

/** Runs to compare, by their ids. @type {Set<string>} */
const picked = new Set();

/** @param {Row} row */
function picker(row) {
  const box = h('input', { type: 'checkbox', checked: picked.has(row.id), 'aria-label': `Compare ${row.variant}, seed ${row.seed}`, onchange: () => {
    if (box.checked) picked.add(row.id); else picked.delete(row.id);
    showPicked(byId('compare-bar'), 'run', picked);
  } });
  return box;
}

/** @param {Row} row */
function canceller(row) {
  if (!['queued', 'running'].includes(row.run.status)) return null;
  const called = `${row.variant}, seed ${row.seed}`;
  const cancel = async (/** @type {any} */ event) => {
    if (!confirm(`Cancel ${called}? The other runs go on.`)) return;
    event.target.disabled = true;
    await post(`/v1/runs/${row.id}/cancel`).catch((problem) => showProblem(byId('problem'), problem));
  };
  return h('button', { type: 'button', class: 'quiet small', 'aria-label': `Cancel ${called}`, title: `Cancel ${called}`, onclick: cancel }, '✕');
}

/** @param {string} task @param {string} view @returns {import('./table.js').Column<Row>[]} */
function columns(task, view) {
  const [training, validation] = lossesIn(view);
  return [
    { name: 'Variant', sort: (row) => row.variant, cell: (row) => h('span', { class: 'variant' }, sample(row.look), h('span', {}, row.variant)) },
    { name: 'Seed', number: true, sort: (row) => row.seed, cell: (row) => String(row.seed) },
    { name: 'Status', sort: (row) => row.run.status, cell: (row) => [badge(row.run.status), canceller(row), row.run.error && h('span', { class: 'error-text small', title: row.run.error.message }, row.run.error.message)] },
    { name: 'Epochs', number: true, sort: (row) => row.epoch, cell: (row) => [row.run.status === 'running' && bar((100 * row.epoch) / row.run.epochs, `Epochs of ${row.variant}, seed ${row.seed}`), `${row.epoch} / ${row.run.epochs}`] },
    { name: 'Parameters', number: true, sort: (row) => row.run.parameters, cell: (row) => count(row.run.parameters) },
    { name: 'Best epoch', number: true, title: `The epoch of least ${phrase(validation, task)}`, sort: (row) => row.best, cell: (row) => count(row.best) },
    { name: label(`best_${validation}`, task), number: true, sort: (row) => row.loss, cell: (row) => value(row.loss) },
    { name: label(`best_${METRICS.tasks[task].measure}`, task), number: true, sort: (row) => row.measure, cell: (row) => value(row.measure) },
    { name: label(`final_${validation}`, task), number: true, sort: (row) => row.final, cell: (row) => (row.diverged ? 'not finite' : value(row.final)) },
    { name: 'Gap', number: true, title: `${label(validation, task)} minus ${phrase(training, task)} at the last epoch`, sort: (row) => row.gap, cell: (row) => signed(row.gap) },
    { name: 'Verdict', sort: (row) => row.verdict, cell: (row) => row.verdict || '–' },
    { name: 'Time', number: true, sort: (row) => row.seconds, cell: (row) => duration(row.seconds) },
    { name: 'Model', cell: (row) => row.run.links.model && h('a', { href: row.run.links.model, 'data-save': `${row.variant}-seed${row.seed}.keras`, title: `The weights of epoch ${row.run.chosen_epoch}` }, '.keras', h('span', { class: 'muted small' }, ` epoch ${row.run.chosen_epoch}`)) },
    { name: 'Ask', cell: (row) => row.run.links.model && h('a', { href: `/runs/${row.id}`, 'aria-label': `Ask the model of ${row.variant}, seed ${row.seed}` }, 'Ask it') },
    { name: 'Compare', cell: picker },
  ];
}

export class RunsTable {
  /** @param {Element} root @param {(variant: string | null) => void} onPick */
  constructor(root, onPick) {
    this.root = root;
    this.onPick = onPick;
    /** @type {Table<Row> | null} */
    this.table = null;
    this.view = '';
  }

  /** @param {Experiment} experiment @param {any} analysis @param {string} view */
  show(experiment, analysis, view) {
    if (!experiment) return;
    if (view !== this.view) this.table = null;
    this.view = view;
    this.table ??= new Table(this.root, columns(experiment.job.task, view), { caption: 'Runs', key: (row) => row.id, text: (row) => `${row.variant} seed ${row.seed} ${row.run.status} ${row.verdict}`, onPick: (row) => this.onPick(row?.variant ?? null) });
    this.table.show(rowsOf(experiment, analysis, view));
  }

  /** @param {string | null} variant */
  highlight(variant) {
    this.table?.highlight((row) => row.variant === variant);
  }
}

/** @param {Experiment} experiment @param {any} analysis @param {string} view @returns {Row[]} */
function rowsOf(experiment, analysis, view) {
  const { job } = experiment;
  const look = looks(job.spec.variants.map((/** @type {any} */ each) => each.name), job.spec.baseline);
  /** @type {Map<string, any>} */
  const readings = new Map((analysis?.variants ?? []).flatMap((/** @type {any} */ each) => each.runs ?? []).map((/** @type {any} */ each) => [each.run_id, each]));
  const [training, validation] = lossesIn(view), { measure } = METRICS.tasks[job.task];
  return job.runs.map((/** @type {any} */ run) => {
    const own = experiment.runs.get(run.id);
    const losses = own?.metrics[validation] ?? [];
    const bestEpoch = best(own?.epochs ?? [], losses, false);
    const at = bestEpoch === null ? -1 : (own?.epochs.indexOf(bestEpoch) ?? -1);
    const final = losses.at(-1) ?? null, trained = own?.metrics[training]?.at(-1) ?? null;
    const reading = readings.get(run.id);
    return {
      id: run.id, variant: run.variant, look: look.get(run.variant) ?? 1, seed: run.seed, run, epoch: own?.epochs.at(-1) ?? run.epoch,
      best: bestEpoch, loss: losses[at] ?? null, measure: own?.metrics[measure]?.[at] ?? null, final,
      gap: final === null || trained === null ? null : final - trained,
      verdict: reading?.verdict ?? '', seconds: between(run.started_at, finished(run) ? run.finished_at : experiment.clock),
      diverged: Boolean(own?.nonfinite.length) && final === null,
    };
  });
}
