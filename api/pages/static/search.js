/** @file A job's search: how far it is, the best so far, what was ended early, and its trials as a figure and a table. */

import { post } from './api.js';
import { byId, fill, h } from './dom.js';
import { finished } from './experiment.js';
import { count, plural, value } from './format.js';
import { phrase } from './metrics.js';
import { Picture } from './picture.js';
import { showProblem } from './status.js';
import { Table } from './table.js';

/** Whether the pruner ended the run. @param {any} run */
export const pruned = (run) => run.error?.code === 'pruned';

/** Whether a retry would queue the run: the trials of a search that is over stay as they are. @param {any} job @param {any} run */
export const retried = (job, run) => ['failed', 'cancelled'].includes(run.status) && !pruned(run) && !(run.trial !== null && job.search && !job.search.coming);

/** What became of a trial. @param {any} row */
const state = (row) => (row.pruned ? h('span', { title: row.run?.error?.message ?? '' }, `pruned after epoch ${row.pruned}`)
  : h('span', { title: row.run?.error?.message ?? '' }, row.finalist ? 'finalist' : row.status === 'succeeded' ? 'trained to its end' : row.status));

/** @param {unknown} of a value of an axis */
const shown = (of) => (typeof of === 'number' ? Number(of.toPrecision(4)).toString() : String(of));

export class SearchCard {
  /** @param {() => void} onResume after a trial was taken up again */
  constructor(onResume) {
    this.picture = new Picture('search');
    this.onResume = onResume;
    this.axes = '';
    /** @type {Table<any> | null} */
    this.table = null;
  }

  /** @param {any} job @param {any} analysis in whatever view, or null */
  show(job, analysis) {
    byId('search-card').hidden = !job.search;
    if (!job.search) return;
    const trials = job.runs.filter((/** @type {any} */ run) => run.trial !== null);
    this.tell(job, trials);
    const found = analysis?.search;
    byId('search').hidden = !found;
    if (!found) return;
    const ended = trials.filter(finished).length, state = `${ended} ${job.search.trials} ${job.search.finalists.length}`;
    byId('search').alt = `${phrase(found.metric, job.task)} of each trial, in their order and along each axis; the table of trials has the same numbers`;
    if (ended) this.picture.show(`${job.links.self}/plots/search.svg`, {}, state);
    this.list(job, found);
  }

  /** How far it is, in words. @param {any} job @param {any[]} trials its trials' runs */
  tell(job, trials) {
    const { budget, metric } = job.spec.search, { best, finalists, failed } = job.search;
    const ended = trials.filter(finished).length, early = trials.filter(pruned);
    const epochs = early.map((run) => run.epoch), first = Math.min(...epochs), last = Math.max(...epochs);
    const of = budget.runs ? ` of ${count(budget.runs)}` : ` of as many as train in ${plural(budget.seconds, 'second')}`;
    const words = [`${count(ended)}${of} trials done`];
    if (early.length) words.push(`${count(early.length)} pruned after ${first === last ? `epoch ${first}` : `epochs ${first} to ${last}`}`);
    if (failed) words.push(`${count(failed)} failed`);
    fill(byId('search-words'),
      h('p', { role: 'status' }, `${words.join(', ')}. `, finalists.length ? `Trained anew with fresh seeds: ${finalists.join('; ')}.` : ''),
      best.length > 0 && h('p', {}, `Best so far, by ${phrase(metric, job.task)} on the rows held out: `,
        best.map((/** @type {any} */ each, /** @type {number} */ i) => [i ? '; ' : '', h('b', {}, each.variant), ` ${value(each.value)} (trial ${each.trial})`])));
  }

  /** The table of trials. @param {any} job @param {any} found the analysis's `search` */
  list(job, found) {
    const axes = [...new Set(found.trials.flatMap((/** @type {any} */ each) => Object.keys(each.values)))];
    if (!this.table || this.axes !== axes.join()) this.table = this.made(axes, job);
    this.axes = axes.join();
    const runs = new Map(job.runs.map((/** @type {any} */ run) => [run.id, run]));
    const finalists = new Set(found.finalists.map((/** @type {any} */ each) => each.trial));
    const over = !job.search.coming;
    this.table.show(found.trials.map((/** @type {any} */ each) => ({ ...each, run: runs.get(each.run_id), finalist: finalists.has(each.trial), over })));
  }

  /** @param {string[]} axes @param {any} job */
  made(axes, job) {
    return new Table(byId('trials'), [
      { name: 'Trial', number: true, sort: (row) => row.trial, cell: (row) => count(row.trial) },
      ...axes.map((axis) => ({ name: axis.replaceAll('_', ' '), number: true, sort: (/** @type {any} */ row) => row.values[axis], cell: (/** @type {any} */ row) => (axis in row.values ? shown(row.values[axis]) : '–') })),
      { name: 'Value', title: `Best ${phrase(job.spec.search.metric, job.task)}, on the rows held out`, number: true, sort: (row) => row.value, cell: (row) => value(row.value) },
      { name: 'At epoch', number: true, sort: (row) => row.epoch, cell: (row) => count(row.epoch) },
      { name: 'State', sort: (row) => row.pruned ?? 0, cell: (row) => [state(row), row.best && h('span', { class: 'muted small' }, ' best so far')] },
      { name: '', cell: (row) => row.pruned && row.over && h('button', { type: 'button', class: 'quiet', title: 'Trains this trial to its end; the finalists stay what they are', onclick: () => this.resume(row) }, 'Train on') },
    ], { caption: 'Trials', key: (row) => row.run_id, text: (row) => `${row.variant} ${row.status}` });
  }

  /** @param {any} row */
  async resume(row) {
    try {
      await post(`/v1/runs/${row.run_id}/resume`);
      fill(byId('problem'));
    } catch (problem) {
      showProblem(byId('problem'), problem);
    }
    this.onResume();
  }
}
