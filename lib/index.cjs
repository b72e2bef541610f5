// What `require` gets: the modules that `import` gets, and not a second copy of them. Sandboxes such as Jest's put a `require` of
// their own in the place of Node's, which can't load modules: Node's is had from the realm that Node runs in.
const { runInThisContext } = require('node:vm')
/** @type {NodeJS.Process} */
const node = runInThisContext('process')
/** @type {typeof import('./index.js')} */
const library = node.getBuiltinModule('node:module').createRequire(__filename)('./index.js')
module.exports = library
