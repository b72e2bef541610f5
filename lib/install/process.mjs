import { spawn, spawnSync } from 'node:child_process'

/** The set-up's own lines start alike, so that they stand out from what tools print.
 * @param {string} line */
export function say(line) {
  process.stdout.write(`set-up: ${line}\n`)
}

/** Whether a program can be started and answers.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options] */
export function answers(command, args, options) {
  const { status } = spawnSync(command, args, { stdio: ['pipe', 'ignore', 'ignore'], ...options })
  return status === 0
}

/** Runs a program to its end. What it prints is kept, and with `show` passed on as well.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean }} [options]
 * @returns {Promise<{ code: number, output: string }>} `code` is 127 if the program could not be started */
export function run(command, args, { show = false, ...options } = {}) {
  return new Promise(resolve => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let output = ''
    for (const [stream, sink] of /** @type {const} */ ([
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])) {
      stream.setEncoding('utf8').on('data', text => {
        output += text
        if (show) sink.write(text)
      })
    }
    child.on('error', error => resolve({ code: 127, output: error.message }))
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, output: signal ? `${output}${signal}` : output }),
    )
  })
}

/** The last lines of a program's output, where it says what went wrong.
 * @param {string} output
 * @param {number} [count] */
export function tail(output, count = 15) {
  return output.trimEnd().split('\n').slice(-count).join('\n')
}
