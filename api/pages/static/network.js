/** @file Networks in words. */

/** How each layer is named: a text with its fields' names in braces, as the catalogue has it. @type {Record<string, {words: string, defaults: any}>} */
const LAYERS = JSON.parse(document.body.dataset.layers ?? '{}');

/** @param {any} layer */
function word(layer) {
  const kind = LAYERS[layer.type];
  if (!kind) return String(layer.type);
  const strengths = Object.entries(layer.kernel_regularizer ?? {}).filter(([, value]) => value).map(([name, value]) => `${name.toUpperCase()} ${value}`);
  if (layer.kernel_constraint) strengths.push(Object.values(layer.kernel_constraint).join(' ').replaceAll('_', ' '));
  return kind.words.replaceAll(/{(\w+)}/g, (_, name) => layer[name] ?? kind.defaults[name] ?? '') + (strengths.length ? ` (${strengths.join(', ')})` : '');
}

/** The hidden layers, from the words on. @param {any} layers */
export const describe = (layers) => (Array.isArray(layers) && layers.length ? layers.map(word).join(' → ') : 'no hidden layer');
