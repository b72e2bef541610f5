/** Tests that take long, which `npm run test:fast` leaves out.
 * @type {string[]} */
export const slowTests = [
  'attribution/imported-methods',
  'attribution/methods',
  'attribution/parity',
  'attribution/parity-methods',
  'attribution/readout-parity',
  'command/command',
  'command/evaluate',
  'command/methods',
  'command/train-readout',
  'docs/examples',
  'docs/reference',
  'evaluation/degradation',
  'evaluation/parity',
  'model/import',
  'native/lifetimes',
  'native/lifetimes-worker',
  'reproduction/reproduce',
  'scripts/demo',
  'training/processes',
  'training/training',
].map(name => `test/${name}.test.ts`)
