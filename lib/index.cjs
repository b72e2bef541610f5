// What `require` gets: the modules that `import` gets, and not a second copy of them. Jest's `require` can't load modules, so that
// Node's own does it, with values of its own realm, which are told by what they are.
const { createRequire } = process.getBuiltinModule('node:module')
module.exports = createRequire(__filename)('./index.js')
