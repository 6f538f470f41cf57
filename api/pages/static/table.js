/** @file A table that sorts by its columns. */

import { fill, h } from './dom.js';

/**
 * @template T
 * @typedef {{name: string, title?: string, number?: boolean, cell: (row: T) => import('./dom.js').Child | import('./dom.js').Child[], sort?: (row: T) => string | number | null | undefined}} Column
 */

/** What takes the focus in a row. @param {Element} row */
const controls = (row) => [...row.querySelectorAll('a, button, input')];

/** @template T */
export class Table {
  /**
   * @param {Element} root
   * @param {Column<T>[]} columns
   * @param {{caption: string, key: (row: T) => string, onPick?: (row: T | null) => void}} options
   */
  constructor(root, columns, { caption, key, onPick = () => {} }) {
    this.columns = columns;
    this.key = key;
    this.onPick = onPick;
    /** @type {T[]} */
    this.rows = [];
    this.by = -1;
    this.descending = false;
    this.heads = columns.map((column, i) => h('th', { scope: 'col', class: column.number ? 'number' : '' },
      column.sort ? h('button', { type: 'button', class: 'sort', title: column.title ?? '', onclick: () => this.sort(i) }, column.name)
        : h('span', { title: column.title ?? '' }, column.name)));
    this.body = h('tbody');
    fill(root, h('div', { class: 'scroll', tabIndex: 0, role: 'region', 'aria-label': `Table: ${caption}` },
      h('table', { class: 'table' }, h('caption', { class: 'visually-hidden' }, caption), h('thead', {}, h('tr', {}, this.heads)), this.body)));
  }

  /** @param {number} column */
  sort(column) {
    this.descending = this.by === column ? !this.descending : false;
    this.by = column;
    this.heads.forEach((head, i) => {
      if (i === column) head.setAttribute('aria-sort', this.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    this.show(this.rows);
  }

  /** @param {T[]} rows */
  show(rows) {
    this.rows = rows;
    const by = this.columns[this.by]?.sort;
    const sorted = by ? [...rows].sort((a, b) => this.compare(by(a), by(b))) : rows;
    const focused = document.activeElement, row = this.body.contains(focused) ? focused?.closest('tr') : null;
    const place = row ? controls(row).indexOf(/** @type {Element} */ (focused)) : -1;
    fill(this.body, sorted.map((row) => h('tr', { 'data-key': this.key(row), onpointerenter: () => this.onPick(row), onpointerleave: () => this.onPick(null) },
      this.columns.map((column, i) => h(i ? 'td' : 'th', { class: column.number ? 'number' : '', ...(i ? {} : { scope: 'row' }) }, column.cell(row))))));
    const again = row && [...this.body.rows].find((/** @type {HTMLElement} */ each) => each.dataset.key === row.dataset.key);
    if (again) /** @type {HTMLElement | undefined} */ (controls(again)[place])?.focus();
  }

  /** What is missing comes last either way. @param {any} a @param {any} b */
  compare(a, b) {
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    const order = typeof a === 'string' ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
    return this.descending ? -order : order;
  }

  /** Brings rows out. @param {(row: T) => boolean} which */
  highlight(which) {
    const keys = new Set(this.rows.filter(which).map(this.key));
    for (const row of this.body.rows) row.classList.toggle('front', keys.has(row.dataset.key));
  }
}
