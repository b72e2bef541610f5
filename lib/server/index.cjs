// As ../index.cjs, for the server.
const { runInThisContext } = require('node:vm')
/** @type {NodeJS.Process} */
const node = runInThisContext('process')
/** @type {typeof import('./index.js')} */
const server = node.getBuiltinModule('node:module').createRequire(__filename)('./index.js')
module.exports = server
