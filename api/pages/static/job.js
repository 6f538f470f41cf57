/** @file The page of one job: its curves as they grow, its runs, what they say, and what can be done with it. */

import { get, post, Problem } from './api.js';
import { showCombinations } from './combinations.js';
import { showComparison, showNotes } from './comparison.js';
import { byId, debounced, fill, framed, h } from './dom.js';
import { Experiment, finished } from './experiment.js';
import { labelled, list, showErrors } from './fields.js';
import { Figure } from './figure.js';
import { follow, showLink } from './follow.js';
import { ago, between, compared, moment, plural } from './format.js';
import { lossesIn, metricName } from './metrics.js';
import { Pictures } from './pictures.js';
import { ResultsTable } from './results.js';
import { RunsTable } from './runs.js';
import { retried, SearchCard } from './search.js';
import { looks } from './series.js';
import { byVariant } from './sparkline.js';
import { badge, bar, pace, showProblem } from './status.js';
import { showLines, showSpecification } from './takeaway.js';

const id = /** @type {string} */ (document.body.dataset.job);
/** @type {Experiment} */
let experiment;
/** @type {() => void} */
let unfollow = () => {};
/** Whether the service did not answer: what could not be done then is forgotten when it does. */
let lost = false;
/** What the analysis says, in the view that is chosen. @type {any} */
let analysis = null;

/** @returns {import('./series.js').Group[]} */
const groups = () => {
  if (!experiment) return [];
  const variants = byVariant([...experiment.runs.values()]);
  const look = looks([...variants.keys()], experiment.job.spec.baseline);
  return [...variants].map(([name, runs], mark) => ({ key: name, label: name, look: look.get(name) ?? 1, mark, runs, paces: pacesOf(name) }));
};

/** What an epoch of a variant takes: updates, as the analysis has them, and seconds, of runs that were trained here. @param {string} name */
function pacesOf(name) {
  const trained = experiment.job.runs.filter((/** @type {any} */ run) => run.variant === name && run.status === 'succeeded' && !run.reused_from && run.epoch);
  const seconds = trained.map((/** @type {any} */ run) => (between(run.started_at, run.finished_at) ?? 0) / run.epoch);
  return { update: analysis?.variants.find((/** @type {any} */ each) => each.variant === name)?.updates_per_epoch ?? 0,
    second: seconds.length ? seconds.reduce((/** @type {number} */ sum, /** @type {number} */ each) => sum + each, 0) / seconds.length : 0 };
}

const figure = new Figure(groups, () => experiment?.job.task ?? null, {
  onPick: (group) => runs.highlight(group),
  onChange: () => { showTakeaway(); loadAnalysis(); runs.show(experiment, analysis, figure.choices.view); },
  elsewhere: '; in the table of variants, the median of the seeds',
});
const results = new ResultsTable(byId('variants'), (variant) => figure.chart.highlight(variant));
const pictures = new Pictures(() => { if (experiment) pictures.show(experiment.job, lossesIn(figure.choices.view)[1]); });
const search = new SearchCard(() => load());
const runs = new RunsTable(byId('runs'), (group) => figure.chart.highlight(group));

async function load() {
  try {
    experiment = await Experiment.load(id);
  } catch (problem) {
    byId('job').hidden = true;
    const missing = problem instanceof Problem && problem.status === 404;
    showProblem(byId('problem'), problem, missing ? undefined : () => { byId('job').hidden = false; load(); });
    if (missing) byId('problem').append(h('p', {}, h('a', { class: 'button', href: '/' }, 'To the jobs')));
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
  }, (link) => {
    showLink(link);
    if (link === 'live' && lost) fill(byId('problem'));
    lost = link === 'disconnected';
  });
}

const refresh = debounced(async () => {
  try {
    const job = await get(`/v1/jobs/${id}`);
    if (job.runs.some((/** @type {any} */ run) => run.trial === null && !experiment.runs.has(run.id))) return load();
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
  search.show(experiment.job, analysis);
  showGrowth();
  showTakeaway();
  loadAnalysis();
  showSpecification(byId('spec'), experiment);
}

function showTakeaway() {
  if (!experiment) return;
  const all = groups().map((group) => group.key), variants = all.filter((key) => !figure.hidden.has(key));
  const metric = metricName(figure.choices);
  showLines(byId('downloads'), byId('lines'), experiment.job, { ...figure.choices, metric, variants: variants.length < all.length ? variants : null });
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
    if (what === 'cancel' && !confirm('Cancel all runs of this job that have not finished?')) return;
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
  if (!finished(job)) byId('more-seeds').hidden = true;
  const failed = job.runs.some((/** @type {any} */ run) => retried(job, run));
  fill(byId('job-actions'),
    !finished(job) && h('button', { type: 'button', disabled: job.status === 'cancelling', onclick: act('cancel') }, 'Cancel'),
    finished(job) && failed && h('button', { type: 'button', onclick: act('retry') }, 'Retry unfinished runs'),
    finished(job) && h('button', { type: 'button', 'aria-controls': 'more-seeds', onclick: askForSeeds }, 'Add seeds'),
    h('a', { class: 'button', href: `/new?from=${id}` }, 'Start from this'),
    h('a', { class: 'button', href: `/compare?job=${id}` }, 'Compare'));
}

/** Opens the form for further seeds, filled with the next five. */
function askForSeeds() {
  const { job } = experiment;
  const form = byId('more-seeds');
  const next = Math.max(...job.spec.seeds) + 1;
  const box = h('input', { type: 'text', name: 'seeds', autocomplete: 'off', value: Array.from({ length: 5 }, (_, i) => next + i).join(', '), oninput: () => tell() });
  const button = h('button', { class: 'primary' });
  const tell = () => { button.textContent = `Train ${plural(list(box.value).length * compared(job.spec).length, 'more run')}`; };
  fill(form, labelled(`Seeds beside ${job.spec.seeds.join(', ')}`, '/seeds', box), button, h('button', { type: 'button', class: 'quiet', onclick: () => { form.hidden = true; } }, 'Not now'));
  tell();
  form.hidden = false;
  box.focus();
}

byId('more-seeds').addEventListener('submit', async (/** @type {Event} */ event) => {
  event.preventDefault();
  const form = byId('more-seeds');
  try {
    await post(`/v1/jobs/${id}/seeds`, { seeds: list(form.elements.namedItem('seeds').value) });
    form.hidden = true;
    fill(byId('problem'));
    await load();
  } catch (problem) {
    const elsewhere = problem instanceof Problem && problem.errors.length ? showErrors(form, problem.errors) : [problem];
    if (elsewhere.length) showProblem(byId('problem'), problem);
  }
});

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
  for (const [place, words] of [['headline', analysis?.headline], ['answer', analysis?.paragraph]]) {
    byId(place).hidden = !words;
    byId(place).textContent = words ?? '';
  }
  showNotes(byId('notes'), analysis?.warnings ?? []);
  if (analysis) results.show(experiment, analysis, view);
  showCombinations(byId('combinations-words'), analysis);
  figure.draw();
  pictures.show(experiment.job, lossesIn(view)[1]);
  search.show(experiment.job, analysis);
  runs.show(experiment, analysis, view);
}

setInterval(() => { if (experiment && !finished(experiment.job) && !document.hidden) showProgress(); }, 10_000);
load();
