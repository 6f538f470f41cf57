/** @file The figure of a page: choices above it, the curves, the key to their marks, the legend that picks. */

import { Chart } from './chart.js';
import { chosen, setAll, tie } from './choices.js';
import { byId, fill, framed, h } from './dom.js';
import { sample } from './marks.js';
import { isLoss, label, metricName, metricsOf } from './metrics.js';
import { limits, notes, penalised, prepare, subtitle } from './series.js';

/** @typedef {import('./series.js').Group} Group */

export class Figure {
  /**
   * @param {() => Group[]} groups what there is to draw, asked for at each drawing
   * @param {() => string | null} task of the jobs that it is of, if they have one in common
   * @param {{onPick?: (group: string | null) => void, onChange?: () => void}} [options]
   */
  constructor(groups, task, { onPick = () => {}, onChange = () => {} } = {}) {
    this.groups = groups;
    this.task = task;
    /** @type {HTMLFormElement} */
    this.form = byId('choices');
    this.chart = new Chart(byId('chart'), { onPick: (group) => { this.chart.highlight(group); onPick(group); } });
    this.hidden = new Set(new URLSearchParams(location.search).getAll('hide'));
    this.draw = framed(() => this.drawNow());
    this.legend = '';
    this.onChange = onChange;
    this.reread = tie(this.form, () => { this.draw(); onChange(); }).read;
  }

  /** @returns {import('./series.js').Choices & {seed: string}} */
  get choices() { return chosen(this.form); }

  /** Shows the seeds there are to choose from. @param {number[]} seeds */
  offerSeeds(seeds) {
    const field = /** @type {HTMLElement} */ (this.form.querySelector('[data-seeds]'));
    const select = /** @type {HTMLSelectElement} */ (field.querySelector('select'));
    if (select.options.length === seeds.length + 1) return;
    fill(select, h('option', { value: '' }, `All ${seeds.length}`), seeds.map((seed) => h('option', { value: String(seed) }, `Seed ${seed}`)));
    field.hidden = seeds.length < 2;
    this.reread();
  }

  drawNow() {
    const all = this.groups();
    this.offerSeeds([...new Set(all.flatMap((group) => group.runs.map((run) => run.seed)))].sort((a, b) => a - b));
    const choices = this.choices;
    const shown = all.filter((group) => !this.hidden.has(group.key))
      .map((group) => ({ ...group, runs: choices.seed ? group.runs.filter((run) => String(run.seed) === choices.seed) : group.runs }));
    const curves = prepare(shown, choices);
    const log = choices.scale === 'log';
    const range = limits(curves, log);
    const epochs = curves.reduce((most, curve) => Math.max(most, curve.points.at(-1)?.epoch ?? 0), 0);
    const held = penalised(shown, choices);
    const title = label(metricName(choices), this.task()) + (held.length ? ', weight penalty included' : '');
    this.chart.draw({ curves, range, log, epochs, title, empty: all.length ? 'No epochs yet' : 'Nothing chosen' });
    byId('figure-title').textContent = title;
    byId('figure-subtitle').textContent = subtitle(curves, choices);
    byId('figure-key').textContent = [
      curves.some((curve) => curve.best !== null) && '○ best epoch', curves.some((curve) => curve.onset !== null) && '⚑ onset of overfitting',
    ].filter(Boolean).join('   ');
    fill(byId('figure-notes'), notes(shown, held, curves, choices, range).map((note) => h('li', {}, note)));
    this.drawLegend(all);
    this.offerMetrics(all);
    this.form.view.disabled = metricsOf(choices.metric).every((name) => !isLoss(name));
  }

  /** Metrics that only some jobs record are offered where one does. @param {Group[]} groups */
  offerMetrics(groups) {
    for (const option of this.form.metric.options) {
      if ('recorded' in option.dataset) option.hidden = !groups.some((group) => group.runs.some((run) => metricsOf(option.value).some((metric) => run.metrics[metric]?.length)));
    }
  }

  /** @param {Group[]} groups */
  drawLegend(groups) {
    const state = groups.map((group) => `${group.key}\t${group.label}\t${group.look}`).join('\n');
    if (state === this.legend) return;
    this.legend = state;
    const toggle = (/** @type {string} */ key, /** @type {boolean} */ on) => {
      if (on) this.hidden.delete(key); else this.hidden.add(key);
      setAll('hide', [...this.hidden]);
      this.draw();
      this.onChange();
    };
    fill(byId('legend'), groups.length > 1 && groups.map((group) => {
      const name = h('span', {}, group.label);
      const box = h('input', { type: 'checkbox', checked: !this.hidden.has(group.key), onchange: () => toggle(group.key, box.checked) });
      return h('label', { class: 'chip', onpointerenter: () => this.chart.highlight(group.key), onpointerleave: () => this.chart.highlight(null),
        onfocusin: () => this.chart.highlight(group.key), onfocusout: () => this.chart.highlight(null) }, box, sample(group.look), name);
    }));
  }
}
