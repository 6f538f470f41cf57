/** @file The page that puts jobs and runs side by side. Its address holds all that is shown. */

import { get, post, Problem, request } from './api.js';
import { setAll } from './choices.js';
import { byId, fill, h } from './dom.js';
import { finished } from './experiment.js';
import { Figure } from './figure.js';
import { count, minute, value } from './format.js';
import { MARKS, sample } from './marks.js';
import { common, label, lossesIn } from './metrics.js';
import { describe } from './network.js';
import { byVariant } from './sparkline.js';
import { estimate, best } from './statistics.js';
import { badge, showProblem } from './status.js';
import { Table } from './table.js';
import { flat } from './takeaway.js';

const REFRESH = 2000;
const address = () => new URLSearchParams(location.search);

/** Jobs by their ids, each with its history. @type {Map<string, {job: any, history: any}>} */
const loaded = new Map();
/** The jobs of single runs. @type {Map<string, string>} */
const jobOfRun = new Map();

/** Jobs and runs of the address that there are not, or no longer. @type {Set<string>} */
const missing = new Set();

/** @typedef {import('./series.js').Group & {job: any, variant: string}} Shown */

/** A job's name, with the end of its id if another has the same name. @param {any} job @returns {string} */
function called(job) {
  const others = [...loaded.values()].filter((each) => each.job.id !== job.id && each.job.name === job.name);
  return others.length ? `${job.name} …${job.id.slice(-6)}` : job.name;
}

/** What is compared: each variant of each job, and each single run. @returns {Shown[]} */
function groups() {
  /** @type {Shown[]} */
  const found = [];
  const add = (/** @type {any} */ job, /** @type {string} */ variant, /** @type {any[]} */ runs, /** @type {string} */ key, /** @type {string} */ label) => {
    const mark = found.length;
    found.push({ key, label, variant, job, look: mark % (2 * MARKS.length), mark, runs: runs.map((run) => ({ ...run, id: run.run_id, job: job.id })) });
  };
  const jobs = address().getAll('job');
  for (const id of jobs) {
    const entry = loaded.get(id);
    if (!entry) continue;
    for (const [variant, runs] of byVariant(entry.history.runs)) add(entry.job, variant, runs, `${id}/${variant}`, jobs.length > 1 ? `${variant} · ${called(entry.job)}` : variant);
  }
  for (const id of address().getAll('run')) {
    const entry = loaded.get(jobOfRun.get(id) ?? '');
    const run = entry?.history.runs.find((/** @type {any} */ each) => each.run_id === id);
    if (entry && run) add(entry.job, run.variant, [run], id, `${run.variant}, seed ${run.seed} · ${called(entry.job)}`);
  }
  return found;
}

const task = () => common([...loaded.values()].map((each) => each.job));

const figure = new Figure(groups, task, { onPick: (group) => table?.highlight((row) => row.key === group), onChange: showTable });
/** @type {Table<Shown> | null} */
let table = null;
let columns = '';
let timer = 0;

async function load() {
  clearTimeout(timer);
  const jobs = address().getAll('job'), runs = address().getAll('run');
  byId('nothing').hidden = jobs.length + runs.length > 0;
  byId('comparison-page').hidden = jobs.length + runs.length === 0;
  missing.clear();
  try {
    for (const run of runs) if (!jobOfRun.has(run)) await unlessMissing(run, async () => { jobOfRun.set(run, (await get(`/v1/runs/${run}`)).job_id); });
    const wanted = new Set([...jobs, ...runs.flatMap((run) => jobOfRun.get(run) ?? [])]);
    for (const id of loaded.keys()) if (!wanted.has(id)) loaded.delete(id);
    for (const id of wanted) {
      const known = loaded.get(id);
      if (known && finished(known.job)) continue;
      await unlessMissing(id, async () => { loaded.set(id, { job: await get(`/v1/jobs/${id}`), history: await get(`/v1/jobs/${id}/history`) }); });
    }
    fill(byId('problem'));
  } catch (problem) {
    showProblem(byId('problem'), problem, load);
  }
  byId('different-tasks').hidden = loaded.size === 0 || task() !== null;
  byId('comparison-page').hidden = task() === null;
  byId('save').hidden = task() === null;
  showChosen();
  if (!byId('different-tasks').hidden) return;
  figure.draw();
  showTable();
  if (!document.hidden && [...loaded.values()].some((each) => !finished(each.job))) timer = setTimeout(load, REFRESH);
}

/** Does not let one that is gone keep the others from being shown. @param {string} id @param {() => Promise<void>} read */
async function unlessMissing(id, read) {
  try {
    await read();
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 404) throw problem;
    missing.add(id);
  }
}

/** @param {'job' | 'run'} kind @param {string} id */
function drop(kind, id) {
  setAll(kind, address().getAll(kind).filter((each) => each !== id));
  load();
}

function showChosen() {
  const chip = (/** @type {'job' | 'run'} */ kind, /** @type {string} */ id, /** @type {any} */ job, /** @type {string} */ label) => h('li', { class: 'chip' },
    h('a', { href: `/jobs/${job.id}` }, label), badge(job.status), h('button', { type: 'button', class: 'quiet small', 'aria-label': `Remove ${label}`, onclick: () => drop(kind, id) }, '✕'));
  const gone = (/** @type {'job' | 'run'} */ kind, /** @type {string} */ id) => h('li', { class: 'chip' }, h('span', {}, `There is no ${kind} ${id}`),
    h('button', { type: 'button', class: 'quiet small', 'aria-label': `Remove ${id}`, onclick: () => drop(kind, id) }, '✕'));
  const lost = (/** @type {'job' | 'run'} */ kind) => address().getAll(kind).filter((id) => missing.has(id)).map((id) => gone(kind, id));
  fill(byId('chosen'), lost('job'), lost('run'), address().getAll('job').flatMap((id) => { const entry = loaded.get(id); return entry ? [chip('job', id, entry.job, called(entry.job))] : []; }),
    address().getAll('run').flatMap((id) => {
      const entry = loaded.get(jobOfRun.get(id) ?? '');
      const run = entry?.job.runs.find((/** @type {any} */ each) => each.id === id);
      return entry && run ? [chip('run', id, entry.job, `${run.variant}, seed ${run.seed}`)] : [];
    }));
}

/** All settings of a variant that may differ. @param {Shown} group @returns {Map<string, string>} */
function settings({ job, variant }) {
  const { spec } = job;
  const own = spec.variants.find((/** @type {any} */ each) => each.name === variant) ?? {};
  const dataset = { ...spec.dataset, ...(own.dataset ?? {}) };
  return new Map([['network', describe(own.layers)], ...flat(own.training ?? spec.training), ...flat(dataset, 'data')]);
}

function showTable() {
  const all = groups();
  if (!all.length) return;
  const known = new Map(all.map((group) => [group.key, settings(group)]));
  const names = [...new Set([...known.values()].flatMap((each) => [...each.keys()]))];
  const differing = names.filter((name) => new Set(all.map((group) => known.get(group.key)?.get(name))).size > 1);
  const { view } = figure.choices;
  const [, metric] = lossesIn(view);
  const of = (/** @type {Shown} */ group) => {
    const bests = group.runs.map((run) => ({ run, epoch: best(run.epochs, run.metrics[metric] ?? [], false) })).filter((each) => each.epoch !== null);
    const losses = bests.map(({ run, epoch }) => /** @type {number} */ (run.metrics[metric][run.epochs.indexOf(/** @type {number} */ (epoch))]));
    return losses.length ? { ...estimate(losses), epoch: estimate(bests.map((each) => /** @type {number} */ (each.epoch))).mean } : null;
  };
  const parameters = (/** @type {Shown} */ group) => group.job.runs.find((/** @type {any} */ run) => run.variant === group.variant)?.parameters;
  const heading = label(`best_${metric}`, task()), key = `${heading} ${differing.join()}`;
  if (key !== columns || !table) {
    columns = key;
    table = new Table(byId('differences'), [
      { name: 'Variant', sort: (row) => row.label, cell: (row) => h('span', { class: 'variant' }, sample(row.look), h('span', { title: row.label }, row.label)) },
      { name: 'Submitted', sort: (row) => row.job.created_at, cell: (row) => minute(row.job.created_at) },
      { name: 'Seeds', number: true, sort: (row) => row.runs.length, cell: (row) => count(row.runs.length) },
      { name: 'Parameters', number: true, sort: parameters, cell: (row) => count(parameters(row)) },
      { name: heading, number: true, sort: (row) => of(row)?.mean, cell: (row) => { const it = of(row); return [value(it?.mean), it?.half ? h('span', { class: 'muted small' }, ` ± ${value(it.half)}`) : null]; } },
      { name: 'Best epoch', number: true, sort: (row) => of(row)?.epoch, cell: (row) => { const it = of(row); return it ? String(Math.round(it.epoch * 10) / 10) : '–'; } },
      ...differing.map((name) => ({ name: name.replaceAll('_', ' '), sort: (/** @type {Shown} */ row) => known.get(row.key)?.get(name), cell: (/** @type {Shown} */ row) => settings(row).get(name) ?? '–' })),
    ], { caption: 'Differences', key: (row) => row.key, onPick: (row) => figure.chart.highlight(row?.key ?? null) });
  }
  table.show(all);
}

const choice = /** @type {HTMLSelectElement} */ (byId('add').elements.namedItem('add'));
choice.addEventListener('change', () => {
  if (choice.value) setAll('job', [...new Set([...address().getAll('job'), choice.value])]);
  choice.value = '';
  load();
});
byId('add').addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault());

async function offer() {
  const list = await get('/v1/jobs', { limit: 50 }).catch(() => ({ data: [] }));
  choice.append(...list.data.map((/** @type {any} */ job) => h('option', { value: job.id }, `${job.name} (${minute(job.created_at)})`)));
}

byId('save').addEventListener('submit', async (/** @type {Event} */ event) => {
  event.preventDefault();
  const name = /** @type {HTMLInputElement} */ (byId('save').elements.namedItem('name'));
  try {
    const saved = await post('/v1/comparisons', { name: name.value.trim(), jobs: address().getAll('job'), runs: address().getAll('run') });
    fill(byId('saved'), `Saved as ${saved.name}. `, h('a', { href: saved.links.report, 'data-save': `${saved.name}.html` }, 'Report'), `, compared with ${saved.baseline}.`);
    byId('saved').hidden = false;
    name.value = '';
    fill(byId('problem'));
    listSaved();
  } catch (problem) {
    showProblem(byId('problem'), problem);
  }
});

/** The address of this page for a saved comparison. @param {any} saved */
const addressOf = (saved) => `/compare?${new URLSearchParams([...saved.jobs.map((/** @type {string} */ id) => ['job', id]), ...saved.runs.map((/** @type {string} */ id) => ['run', id])])}`;

async function listSaved() {
  const list = await get('/v1/comparisons', { limit: 50 }).catch(() => ({ data: [] }));
  byId('comparisons').hidden = !list.data.length;
  const remove = (/** @type {any} */ saved) => async () => {
    if (!confirm(`Delete the comparison ${saved.name}? Its jobs stay.`)) return;
    await request(saved.links.self, { method: 'DELETE' }).catch((problem) => showProblem(byId('problem'), problem));
    listSaved();
  };
  fill(byId('comparison-list'), list.data.map((/** @type {any} */ saved) => h('li', {}, h('a', { href: addressOf(saved) }, saved.name),
    h('span', { class: 'muted small' }, ` ${minute(saved.created_at)}${saved.notes ? `: ${saved.notes}` : ''} `),
    h('button', { type: 'button', class: 'quiet small', 'aria-label': `Delete ${saved.name}`, onclick: remove(saved) }, '✕'))));
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) load(); });
addEventListener('popstate', load);
load();
offer();
listSaved();
