/** @file The figure of a page: choices above it, the curves, the key to their marks, the legend that picks. */

import { Chart } from './chart.js';
import { chosen, setAll, tie } from './choices.js';
import { byId, fill, framed, h } from './dom.js';
import { sample, sign } from './marks.js';
import { isLoss, label, metricName, metricsOf, ofLayer } from './metrics.js';
import { showPanels } from './panels.js';
import { leading, limits, notes, penalised, prepare, subtitle, within } from './series.js';

/** @typedef {import('./series.js').Group} Group */

/** Of more groups than this only the best have colours, unless all are asked for. */
const MANY = 12;

/** What a curve has marked, and what it is called. */
const MARKED = /** @type {const} */ ([['best', 'best epoch'], ['onset', 'onset of overfitting']]);

export class Figure {
  /**
   * @param {() => Group[]} groups what there is to draw, asked for at each drawing
   * @param {() => string | null} task of the jobs that it is of, if they have one in common
   * @param {{onPick?: (group: string | null) => void, onChange?: () => void, elsewhere?: string}} [options]
   *   `elsewhere`: what the same marks are of where the page has them beside the figure
   */
  constructor(groups, task, { onPick = () => {}, onChange = () => {}, elsewhere = '' } = {}) {
    this.groups = groups;
    this.task = task;
    /** @type {HTMLFormElement} */
    this.form = byId('choices');
    this.chart = new Chart(byId('chart'), { onPick: (group) => { this.chart.highlight(group); onPick(group); }, onRange: (first, last) => this.zoom(first, last) });
    this.hidden = new Set(new URLSearchParams(location.search).getAll('hide'));
    this.draw = framed(() => this.drawNow());
    this.legend = '';
    this.onChange = onChange;
    this.elsewhere = elsewhere;
    this.reread = tie(this.form, () => { this.draw(); onChange(); }).read;
    byId('all-epochs').onclick = () => this.range('', '');
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

  /** The epochs that are drawn. @param {string} first @param {string} last empty: as far as there are any */
  range(first, last) {
    Object.assign(this.form.first, { value: first });
    Object.assign(this.form.last, { value: last });
    this.form.first.dispatchEvent(new Event('input', { bubbles: true }));
  }

  /** Draws a part of the x axis, which holds two epochs at least. @param {number} from @param {number} to in its unit */
  zoom(from, to) {
    const { stride } = this.chart;
    const first = Math.max(1, Math.round(from / stride)), last = Math.round(to / stride);
    if (last > first) this.range(String(first), String(last));
  }

  drawNow() {
    const all = this.groups();
    this.offerSeeds([...new Set(all.flatMap((group) => group.runs.map((run) => run.seed)))].sort((a, b) => a - b));
    this.offerMetrics(all);
    const choices = this.choices;
    const shown = all.filter((group) => !this.hidden.has(group.key))
      .map((group) => ({ ...group, runs: choices.seed ? group.runs.filter((run) => String(run.seed) === choices.seed) : group.runs }));
    const first = Math.max(1, Number(choices.first) || 1), last = Number(choices.last) || Infinity;
    const whole = prepare(shown, choices), zoomed = first > 1 || last < Infinity;
    /** @type {string[]} */
    const remarks = [];
    const many = shown.length > MANY && choices.curves !== 'panels' && choices.best !== 'all';
    const front = many ? leading(whole, Number(choices.best)) : null;
    const curves = (zoomed ? within(whole, first, last) : whole).map((curve) => ({ ...curve, faded: front !== null && !front.has(curve.group) }));
    const log = choices.scale === 'log';
    const range = limits(curves, log);
    const known = curves.filter((curve) => curve.points.length);
    const unit = known.every((curve) => curve.paced) ? choices.unit : 'epoch';
    if (unit === 'epoch') for (const curve of curves) curve.pace = 1;
    this.form.unit.disabled = !all.some((group) => group.paces);
    const from = zoomed && known.length ? Math.min(...known.map((curve) => curve.pace * curve.points[0].epoch)) : unit === 'epoch' ? 1 : 0;
    const to = Math.max(from, ...known.map((curve) => curve.pace * (curve.points.at(-1)?.epoch ?? 0)), unit === 'epoch' ? 2 : 0);
    const held = penalised(shown, choices);
    const title = label(metricName(choices), this.task()) + (held.length ? ', weight penalty included' : '');
    const drawing = { curves, range, log, from, to, unit, title, empty: all.length ? (zoomed ? 'No epochs from there to there' : 'No epochs yet') : 'Nothing chosen' };
    byId('chart').hidden = choices.curves === 'panels';
    byId('panels').hidden = choices.curves !== 'panels';
    byId('all-epochs').hidden = !zoomed;
    if (choices.curves === 'panels') showPanels(byId('panels'), drawing, shown);
    else this.chart.draw(drawing);
    if (front) remarks.push(`In colour: the baseline and the best ${choices.best} by what is shown here; grey: the other ${shown.length - front.size}. A row of the table brings its curve out.`);
    byId('figure-title').textContent = title;
    byId('figure-subtitle').textContent = subtitle(curves, choices);
    const marked = MARKED.filter(([kind]) => curves.some((curve) => curve[kind] !== null && !curve.faded));
    fill(byId('figure-key'), ...marked.map(([kind, name], i) => [i > 0 && 'and ', sign(kind), `${name} `]), marked.length > 0 && `of each curve${this.elsewhere}`);
    fill(byId('figure-notes'), [...remarks, ...notes(shown, held, curves, choices, range)].map((note) => h('li', {}, note)));
    this.drawLegend(all);
    for (const field of this.form.querySelectorAll('[data-many]')) field.hidden = all.length <= MANY;
    this.form.view.disabled = metricsOf(choices.metric).every((name) => !isLoss(name));
  }

  /** Metrics that only some jobs record are offered where one does. @param {Group[]} groups */
  offerMetrics(groups) {
    const select = this.form.metric, there = new Set([...select.options].map((option) => option.value));
    for (const name of new Set(groups.flatMap((group) => group.runs.flatMap((run) => Object.keys(run.metrics))))) {
      if (there.has(name) || !ofLayer(name)) continue;
      select.append(h('option', { value: name }, label(name)));
      if (new URLSearchParams(location.search).get('metric') === name) select.value = name;
    }
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
