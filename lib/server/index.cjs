// As ../index.cjs.
const { createRequire } = process.getBuiltinModule('node:module')
module.exports = createRequire(__filename)('./index.js')
