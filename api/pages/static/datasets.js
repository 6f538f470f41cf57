/** @file The page of data sets: send a table, see what was found in it, put it right, make a job with it. */

import { get, Problem, request } from './api.js';
import { at, byId, fill, h } from './dom.js';
import { columnsTable, labelInWords, rowsInWords, rowsTable, warningsList } from './card.js';
import { ago, count } from './format.js';
import { showProblem } from './status.js';
import { Table } from './table.js';

const KINDS = ['text', 'number', 'category', 'ignore'];
/** Of a file: enough for its first line. */
const HEAD_BYTES = 65536;
const MOST_SHOWN = 12;

const form = byId('add'), look = byId('look'), keep = byId('keep'), card = byId('card');
/** What columns are said to be, where that is not what was found. @type {Record<string, string>} */
let inputs = {};

/** The columns that a text file's first line names, for the list of suggestions. @param {File | undefined} file */
async function suggest(file) {
  const line = file ? (await file.slice(0, HEAD_BYTES).text()).replace(/^\ufeff/, '').split(/\r?\n/)[0] : '';
  const plain = line !== '' && !line.startsWith('{') && !/[\0\ufffd]/.test(line);
  const mark = [',', ';', '\t'].sort((a, b) => line.split(b).length - line.split(a).length)[0];
  const names = plain ? line.split(mark).map((name) => name.trim().replace(/^"(.*)"$/, '$1')).filter(Boolean) : [];
  fill(byId('columns'), names.map((name) => h('option', { value: name })));
}

/** Sends the form. @param {boolean} only whether nothing is to be stored */
async function send(only) {
  const body = new FormData();
  const name = form.elements.name.value.trim();
  for (const each of ['train', 'test']) {
    const file = form.elements[each].files[0];
    if (file) body.append(each, file);
  }
  const options = { label: form.elements.label.value, inputs, ...(name ? { name } : {}) };
  body.append('options', JSON.stringify(options));
  return (await request(`/v1/datasets${only ? '?validate_only=true' : ''}`, { method: 'POST', body })).json();
}

/** @param {any} problem */
function showFaults(problem) {
  fill(card);
  keep.hidden = true;
  const rows = problem instanceof Problem && problem.code === 'invalid_dataset' ? /** @type {any[]} */ (problem.errors) : [];
  if (!rows.length) return showProblem(byId('problem'), problem);
  fill(byId('problem'), h('p', { class: 'error-text', role: 'alert' }, problem.message),
    h('ul', { class: 'notes' }, rows.slice(0, MOST_SHOWN).map((row) => h('li', {},
      h('strong', {}, [row.file, row.line && `line ${row.line}`, row.column && `column ${row.column}`].filter(Boolean).join(', ')), ` ${row.detail}`)),
    rows.length > MOST_SHOWN && h('li', {}, `and ${count(rows.length - MOST_SHOWN)} more`)));
}

/** @param {any} each a column @returns {HTMLElement} */
function kindOf(each) {
  const select = h('select', { 'aria-label': `What ${each.column} is`, onchange: () => { inputs[each.column] = select.value; read(); } }, KINDS.map((kind) => h('option', { value: kind }, kind)));
  select.value = each.kind;
  return select;
}

/** @param {any} dataset */
function showCard(dataset) {
  const found = h('div', {}), rows = h('div', {});
  fill(card, h('p', {}, h('strong', {}, dataset.task), ` · ${rowsInWords(dataset)}`), h('p', {}, labelInWords(dataset.label)),
    warningsList(dataset.warnings), found, h('h3', {}, 'The first rows'), rows);
  columnsTable(found, dataset.inputs, kindOf);
  rowsTable(rows, dataset).show(dataset.preview);
}

async function read() {
  look.disabled = true;
  fill(byId('problem'));
  try {
    showCard(await send(true));
    keep.hidden = false;
  } catch (problem) {
    showFaults(problem);
  } finally {
    look.disabled = false;
  }
}

form.addEventListener('submit', (/** @type {Event} */ event) => {
  event.preventDefault();
  if (form.reportValidity()) read();
});
keep.addEventListener('click', async () => {
  keep.disabled = true;
  try {
    location.assign(at(`/new?dataset=${(await send(false)).id}`));
  } catch (problem) {
    showFaults(problem);
    keep.disabled = false;
  }
});
for (const name of ['dragover', 'drop']) {
  form.addEventListener(name, (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    const [train, test] = event.dataTransfer.files;
    if (name !== 'drop' || !train) return;
    const onto = event.target instanceof HTMLInputElement && event.target.type === 'file' ? event.target.name : 'train';
    place(onto, train);
    if (test && onto === 'train') place('test', test);
  });
}

/** Chooses a file that was dropped. @param {string} name @param {File} file */
function place(name, file) {
  const files = new DataTransfer();
  files.items.add(file);
  form.elements[name].files = files.files;
  form.elements[name].dispatchEvent(new Event('change'));
}

form.elements.train.addEventListener('change', () => {
  inputs = {};
  fill(card);
  keep.hidden = true;
  suggest(form.elements.train.files[0]);
});

/** @param {any} dataset */
async function remove(dataset) {
  if (!confirm(`Delete ${dataset.name}? Results of jobs that trained on it stay.`)) return;
  try {
    await request(dataset.links.self, { method: 'DELETE' });
    fill(byId('problem'));
    load();
  } catch (problem) {
    showProblem(byId('problem'), problem);
  }
}

async function load() {
  const root = byId('list');
  try {
    /** @type {any[]} */
    const found = [];
    for (let more = true; more;) {
      const page = await get('/v1/datasets', { limit: 100, after: found.at(-1)?.id });
      found.push(...page.data);
      more = page.has_more;
    }
    const table = new Table(root, [
      { name: 'Name', cell: (/** @type {any} */ each) => (each.builtin ? each.name : h('a', { href: `/datasets/${each.id}` }, each.name)), sort: (each) => each.name },
      { name: 'With it', cell: (each) => h('a', { href: `/new?dataset=${each.id}`, 'aria-label': `New job with ${each.name}` }, 'New job') },
      { name: 'Task', cell: (each) => each.task, sort: (each) => each.task },
      { name: 'Rows', cell: rowsInWords, sort: (each) => each.rows.train },
      { name: 'Label', cell: (each) => labelInWords(each.label) },
      { name: 'Since', cell: (each) => (each.created_at ? ago(each.created_at) : 'built in'), sort: (each) => each.created_at },
      { name: '', cell: (each) => !each.builtin && h('button', { type: 'button', class: 'quiet', 'aria-label': `Delete ${each.name}`, onclick: () => remove(each) }, 'Delete') },
    ], { caption: 'Data sets', key: (each) => each.id });
    table.show(found);
  } catch (problem) {
    showProblem(root, problem, load);
  } finally {
    root.setAttribute('aria-busy', 'false');
  }
}

load();
