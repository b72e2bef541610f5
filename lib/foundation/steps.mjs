// Plain JavaScript, because the set-up needs it before TypeScript is compiled.

/** Something slow in the midst of other work: done at once, while this thread waits, or somewhere else.
 * @template [T=unknown]
 * @typedef {{ atOnce: () => T, elsewhere: () => Promise<T> }} Step */

/** Work that is written once, and can wait for its steps either way: each `yield` gives what its step gave.
 * @template Result
 * @typedef {Generator<Step, Result, any>} Stepwise */

/** Runs the work to its end without giving the event loop a turn.
 * @template Result
 * @param {Stepwise<Result>} work
 * @returns {Result} */
export function atOnce(work) {
  let turn = work.next()
  while (!turn.done) {
    let given
    try {
      given = turn.value.atOnce()
    } catch (error) {
      turn = work.throw(error)
      continue
    }
    turn = work.next(given)
  }
  return turn.value
}

/** Runs the work while the event loop goes on.
 * @template Result
 * @param {Stepwise<Result>} work
 * @returns {Promise<Result>} */
export async function elsewhere(work) {
  let turn = work.next()
  while (!turn.done) {
    let given
    try {
      given = await turn.value.elsewhere()
    } catch (error) {
      turn = work.throw(error)
      continue
    }
    turn = work.next(given)
  }
  return turn.value
}
