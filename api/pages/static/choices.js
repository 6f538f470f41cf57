/** @file The page's state is its forms', and the address holds what differs from where they began. */

/**
 * Ties a form to the page's address: fills it from there, and writes each change back. Fields of the
 * address that the form does not have stay.
 * @param {HTMLFormElement} form
 * @param {() => void} onChange
 */
export function tie(form, onChange) {
  const fields = /** @type {(HTMLSelectElement | HTMLInputElement)[]} */ ([...form.elements].filter((each) => /** @type {any} */ (each).name));
  const starts = new Map(fields.map((field) => [field.name, field.value]));
  const read = () => {
    const address = new URLSearchParams(location.search);
    for (const field of fields) {
      const wanted = address.get(field.name) ?? starts.get(field.name) ?? '';
      if (field instanceof HTMLSelectElement && ![...field.options].some((option) => option.value === wanted)) continue;
      field.value = wanted;
    }
  };
  const write = () => {
    const address = new URL(location.href);
    for (const field of fields) {
      if (field.value === starts.get(field.name)) address.searchParams.delete(field.name);
      else address.searchParams.set(field.name, field.value);
    }
    history.replaceState(null, '', address);
    onChange();
  };
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', write);
  addEventListener('popstate', () => { read(); onChange(); });
  read();
  return { read };
}

/** A form's values, whole numbers where `names` says so. @param {HTMLFormElement} form @returns {any} */
export function chosen(form) {
  const values = Object.fromEntries(new FormData(form));
  return { ...values, smooth: Number(values.smooth ?? 1) };
}

/** Sets a repeatable parameter of the address. @param {string} name @param {string[]} values */
export function setAll(name, values) {
  const address = new URL(location.href);
  address.searchParams.delete(name);
  for (const value of values) address.searchParams.append(name, value);
  history.replaceState(history.state, '', address);
}
