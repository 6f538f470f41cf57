/** @file The service's own figures on a job's page: the ranking, a sweep's map, what a lower loss costs, why it rises, what needs no training. */

import { get } from './api.js';
import { chosen, tie } from './choices.js';
import { byId, fill, h } from './dom.js';
import { compared } from './format.js';
import { lossesIn, phrase } from './metrics.js';
import { showMistakes } from './mistakes.js';
import { Picture } from './picture.js';
import { showUntrained } from './untrained.js';

/** About how high the service draws so many rows, or panels at a width. @param {number} rows */
const rowsHigh = (rows) => () => 170 + 42 * Math.max(2, Math.min(40, rows));
/** @param {number} panels @returns {(width: number) => number} */
const panelsHigh = (panels) => (width) => {
  const rows = Math.ceil(panels / Math.max(1, Math.min(panels, 4, Math.floor(width / 190))));
  return 150 + rows * (rows === 1 ? 290 : 210);
};

const COSTS = { parameters: 'Parameters', seconds: 'Seconds per run' };

export class Pictures {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.ranking = new Picture('ranking');
    this.sweep = new Picture('sweep');
    this.combinations = new Picture('combinations');
    this.tradeoff = new Picture('tradeoff');
    this.form = /** @type {HTMLFormElement} */ (byId('tradeoff-choices'));
    this.why = new Picture('why');
    this.told = '';
    this.axes = '';
    this.reread = tie(this.form, onChange).read;
  }

  /** @param {any} job @param {string} metric the loss that is shown elsewhere on the page */
  show(job, metric) {
    const swept = compared(job.spec).filter((each) => each.swept);
    const done = job.runs.filter((/** @type {any} */ run) => run.status === 'succeeded').length;
    this.explain(job, String(done));
    if (done) showUntrained(job, String(done));
    // Of two variants the comparison says it; the ranking is by the loss without penalties.
    byId('ranking-card').hidden = compared(job.spec).length < 3 || !done || metric !== lossesIn('data')[1];
    if (!byId('ranking-card').hidden) this.ranking.show(`${job.links.self}/plots/ranking.svg`, {}, String(done), rowsHigh(compared(job.spec).length));
    byId('sweep-card').hidden = swept.length < 2 || !done;
    if (!byId('combinations-card').hidden) this.combinations.show(`${job.links.self}/plots/combinations.svg`, {}, String(done), rowsHigh(byId('combinations-words').querySelectorAll('tbody tr').length + 2));
    byId('tradeoff-card').hidden = compared(job.spec).length < 2 || !done;
    if (!byId('sweep-card').hidden) this.sweep.show(`${job.links.self}/plots/sweep.svg`, { metric }, String(done));
    if (byId('tradeoff-card').hidden) return;
    this.offer([...new Set(swept.flatMap((/** @type {any} */ each) => Object.keys(each.swept)))]);
    const { against } = chosen(this.form);
    this.tradeoff.image.alt = `Best ${phrase(metric, job.task)} of each variant against ${against.replaceAll('_', ' ')}; the table of variants has the same numbers`;
    this.tradeoff.show(`${job.links.self}/plots/tradeoff.svg`, { metric, against }, String(done));
  }

  /** By which rows the losses rise; nothing is shown of a job without classes. @param {any} job @param {string} state */
  async explain(job, state) {
    if (job.task === 'regression' || this.told === state) return;
    this.told = state;
    const { variants } = await get(`${job.links.self}/why`).catch(() => ({ variants: [] }));
    if (this.told !== state) return;
    byId('why-card').hidden = !variants.length;
    if (!variants.length) return;
    fill(byId('why-words'), variants.map((/** @type {any} */ each) => h('p', {}, h('b', {}, `${each.variant}. `), each.sentence)));
    this.why.show(`${job.links.self}/plots/why.svg`, {}, state, panelsHigh(Math.min(12, variants.length)));
    showMistakes(byId('mistakes'), job);
  }

  /** What a loss may be drawn against. @param {string[]} axes of the job's sweep */
  offer(axes) {
    if (this.axes === axes.join()) return;
    this.axes = axes.join();
    fill(this.form.against, Object.entries(COSTS).map(([value, name]) => h('option', { value }, name)), axes.map((value) => h('option', { value }, value.replaceAll('_', ' '))));
    this.reread();
  }
}
