/** @file The page of one data set: its card, and its rows as they were read. */

import { get } from './api.js';
import { columnsTable, labelInWords, rowsInWords, rowsTable, warningsList } from './card.js';
import { byId, fill, h } from './dom.js';
import { showProblem } from './status.js';

const PAGE = 20;
const id = document.body.dataset.dataset ?? '', more = byId('more'), rows = byId('rows'), splits = byId('split');
/** What is shown: of which file, and which rows. @type {{split: string, found: any[], table: import('./table.js').Table<any> | null}} */
const shown = { split: 'train', found: [], table: null };

async function next() {
  more.disabled = true;
  try {
    const page = await get(`/v1/datasets/${id}/rows`, { split: shown.split, limit: PAGE, after: shown.found.at(-1)?.row ?? 0 });
    shown.found.push(...page.data);
    shown.table?.show(shown.found);
    more.hidden = !page.has_more;
    fill(byId('problem'));
  } catch (problem) {
    showProblem(byId('problem'), problem, next);
  } finally {
    more.disabled = false;
  }
}

async function load() {
  try {
    const dataset = await get(`/v1/datasets/${id}`);
    byId('title').textContent = dataset.name;
    document.title = `${dataset.name} · Ockham`;
    byId('job').hidden = false;
    const columns = h('div', {});
    fill(byId('card'), h('p', {}, h('strong', {}, dataset.task), ` · ${rowsInWords(dataset)}`), h('p', {}, labelInWords(dataset.label)), warningsList(dataset.warnings), columns);
    if (dataset.builtin) return;
    columnsTable(columns, dataset.inputs);
    byId('rows-card').hidden = false;
    shown.table = rowsTable(rows, dataset);
    splits.hidden = !dataset.rows.test;
    for (const each of splits.querySelectorAll('input')) {
      each.addEventListener('change', () => {
        Object.assign(shown, { split: each.value, found: [] });
        next();
      });
    }
    more.addEventListener('click', next);
    await next();
  } catch (problem) {
    showProblem(byId('card'), problem, load);
  } finally {
    byId('card').setAttribute('aria-busy', 'false');
  }
}

load();
