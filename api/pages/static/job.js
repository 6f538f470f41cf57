/** @file The page of one job: its curves as they grow, its runs, what they say, and what can be done with it. */

import { get, post } from './api.js';
import { showComparison } from './comparison.js';
import { byId, debounced, fill, framed, h } from './dom.js';
import { Experiment, finished } from './experiment.js';
import { Figure } from './figure.js';
import { follow, showLink } from './follow.js';
import { ago, moment } from './format.js';
import { RunsTable } from './runs.js';
import { looks, metricName } from './series.js';
import { byVariant } from './sparkline.js';
import { badge, bar, pace, showProblem } from './status.js';
import { showLines, showSpecification } from './takeaway.js';

const id = /** @type {string} */ (document.body.dataset.job);
/** @type {Experiment} */
let experiment;
/** @type {() => void} */
let unfollow = () => {};
/** What the analysis says, in the view that is chosen. @type {any} */
let analysis = null;

/** @returns {import('./series.js').Group[]} */
const groups = () => {
  if (!experiment) return [];
  const variants = byVariant([...experiment.runs.values()]);
  const look = looks([...variants.keys()], experiment.job.spec.baseline);
  return [...variants].map(([name, runs], mark) => ({ key: name, label: name, look: look.get(name) ?? 1, mark, runs }));
};

const figure = new Figure(groups, {
  onPick: (group) => runs.highlight(group),
  onChange: () => { showTakeaway(); loadAnalysis(); runs.show(experiment, analysis, figure.choices.view); },
});
const runs = new RunsTable(byId('runs'), (group) => figure.chart.highlight(group));

async function load() {
  try {
    experiment = await Experiment.load(id);
  } catch (problem) {
    byId('job').hidden = true;
    showProblem(byId('problem'), problem, () => { byId('job').hidden = false; load(); });
    return;
  }
  showAll();
  start();
}

function start() {
  unfollow();
  if (finished(experiment.job)) return showLink('over');
  unfollow = follow(id, experiment.seen, (events) => {
    let changed = false;
    for (const event of events) changed = experiment.apply(event) || changed;
    figure.draw();
    showGrowth();
    if (changed) refresh();
  }, showLink);
}

const refresh = debounced(async () => {
  try {
    const job = await get(`/v1/jobs/${id}`);
    const revived = finished(experiment.job) && !finished(job);
    experiment.job = job;
    showAll();
    if (revived) start();
  } catch (problem) {
    if (!finished(experiment.job)) setTimeout(refresh, 2000);
  }
}, 150);

/** What changes with every epoch. */
const showGrowth = framed(() => {
  showProgress();
  runs.show(experiment, analysis, figure.choices.view);
});

function showAll() {
  document.title = `${experiment.job.name} · Ockham`;
  byId('job-name').textContent = experiment.job.name;
  figure.draw();
  showActions();
  showGrowth();
  showTakeaway();
  loadAnalysis();
  showSpecification(byId('spec'), experiment);
}

function showTakeaway() {
  showLines(byId('downloads'), byId('lines'), experiment.job, { ...figure.choices, metric: metricName(figure.choices) });
}

function showProgress() {
  const { job } = experiment;
  const progress = experiment.progress();
  fill(byId('job-progress'), badge(job.status), finished(job) ? null : bar(progress.percent, 'Progress'),
    h('span', { class: 'muted', role: 'status' }, finished(job) ? '' : pace(progress)),
    h('span', { class: 'muted' }, finished(job) ? 'finished ' : 'submitted ', h('time', { dateTime: job.created_at, title: moment(job.created_at) }, ago(job.finished_at ?? job.created_at))),
    job.error && h('span', { class: 'error-text' }, job.error.message));
}

function showActions() {
  const { job } = experiment;
  const act = (/** @type {string} */ what) => async (/** @type {any} */ event) => {
    event.target.disabled = true;
    try {
      experiment.job = await post(`/v1/jobs/${id}/${what}`);
      fill(byId('problem'));
      showAll();
      start();
    } catch (problem) {
      showProblem(byId('problem'), problem);
      refresh();
    }
  };
  const failed = job.runs.some((/** @type {any} */ run) => ['failed', 'cancelled'].includes(run.status));
  fill(byId('job-actions'),
    !finished(job) && h('button', { type: 'button', disabled: job.status === 'cancelling', onclick: act('cancel') }, 'Cancel'),
    finished(job) && failed && h('button', { type: 'button', onclick: act('retry') }, 'Retry what failed'),
    h('a', { class: 'button', href: `/new?from=${id}&seeds=more` }, 'Add seeds'),
    h('a', { class: 'button', href: `/new?from=${id}` }, 'Start from this'),
    h('a', { class: 'button', href: `/compare?job=${id}` }, 'Compare'));
}

let asked = '';
/** Reads the analysis again when the job's state or the view is another. */
async function loadAnalysis() {
  if (!experiment) return;
  const { view } = figure.choices;
  const state = `${view} ${experiment.job.runs.map((/** @type {any} */ run) => run.status).join()}`;
  if (state === asked) return;
  asked = state;
  const found = await get(`/v1/jobs/${id}/analysis`, { view }).catch((problem) => ({ problem }));
  if (state !== asked) return;
  analysis = found.problem ? null : found;
  showComparison(byId('comparison'), found, experiment, groups());
  runs.show(experiment, analysis, view);
}

setInterval(() => { if (experiment && !finished(experiment.job) && !document.hidden) showProgress(); }, 10_000);
load();
