/** @file Networks in words. */

/** @param {any} layer */
function word(layer) {
  const strength = layer.kernel_regularizer;
  const penalty = strength ? [strength.l1 && `L1 ${strength.l1}`, strength.l2 && `L2 ${strength.l2}`].filter(Boolean).join(', ') : '';
  switch (layer.type) {
    case 'dense': return `${layer.units} ${layer.activation ?? 'linear'}${penalty ? ` (${penalty})` : ''}`;
    case 'dropout': return `dropout ${layer.rate}`;
    case 'gaussian_noise': return `noise ${layer.stddev}`;
    case 'batch_normalization': return 'batch norm';
    case 'layer_normalization': return 'layer norm';
    default: return String(layer.type);
  }
}

/** The hidden layers, from the words on. @param {any} layers */
export const describe = (layers) => (Array.isArray(layers) && layers.length ? layers.map(word).join(' → ') : 'no hidden layer');
