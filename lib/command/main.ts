#!/usr/bin/env node
import { Command } from 'commander'
import { errorCode, fileReason } from '../foundation/files.js'
import { packageVersion } from '../foundation/package-version.js'
import { addAttribute } from './attribute.js'
import { addCompare } from './compare.js'
import { addCompletion } from './completion.js'
import { addDoctor } from './doctor.js'
import { addEstimate } from './estimate.js'
import { addEvaluate } from './evaluate.js'
import { exitCodes, hint, reportFailure } from './exit.js'
import { addExplore } from './explore.js'
import { addFitPatterns } from './fit-patterns.js'
import { addInstall } from './install.js'
import { addLayers } from './layers.js'
import { addMethods } from './list-methods.js'
import { addModels } from './models.js'
import { inStyle, note, noteFailure } from './output.js'
import { addPlot } from './plot.js'
import { addReproduce } from './reproduce.js'
import { addServe } from './serve.js'
import { useStandardInput } from './standard-streams.js'
import { addTrainReadout } from './train-readout.js'
import { addWeights } from './weights.js'

const overview = `
Start with:
  iba install                           fetches LibTorch where there is none
  iba doctor                            is everything there?
  iba attribute photos/ --model demo    which regions of the images were used?`

/** Runs a command line and gives its exit code. */
async function run(words: readonly string[]): Promise<number> {
  let running = 'iba'
  const program = new Command('iba')
    .description('Which regions of an image did a vision model use, and how many bits did they carry?')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    // Otherwise an option of a command could not have the name of one of these.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ outputError: writeMisuse })
    .configureHelp(helpStyle)
    .hook('preAction', async (_, command) => {
      running = fullName(command)
      await useStandardInput(command)
    })
    .addHelpText('after', overview)

  program.commandsGroup('Explaining images:')
  addAttribute(program)
  addCompare(program)
  addEstimate(program)
  addExplore(program)
  addFitPatterns(program)
  addMethods(program)
  addServe(program)
  program.commandsGroup('Evaluating methods:')
  addEvaluate(program)
  addReproduce(program)
  program.commandsGroup('Training:')
  addTrainReadout(program)
  addPlot(program)
  program.commandsGroup('Networks:')
  addModels(program)
  addLayers(program)
  addWeights(program)
  program.commandsGroup('Help:')
  addDoctor(program)
  addInstall(program)
  addCompletion(program)
  program.helpCommand('help [command]', 'show the help of a command')
  pointToHelp(program)

  try {
    await program.parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    return reportFailure(error, running)
  }
}

/** Of terminals with colours; Commander leaves it out elsewhere. */
const helpStyle = {
  styleTitle: (text: string) => inStyle('bold', text),
  styleOptionTerm: (text: string) => inStyle('cyan', text),
  styleSubcommandTerm: (text: string) => inStyle('cyan', text),
}

/** Writes an error of Commander's in the form of ours, or the help that it shows behind one. */
function writeMisuse(text: string): void {
  const [, message] = /^error: (.*)$/s.exec(text.trimEnd()) ?? []
  if (message === undefined) note(text.trimEnd())
  else noteFailure(message.replace(/\n\((Did you mean .*\?)\)/, '. $1'))
}

/** Lets every command end its errors with where its help is. */
function pointToHelp(command: Command): void {
  command.showHelpAfterError(hint(fullName(command)))
  command.commands.forEach(pointToHelp)
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name()
}

/** A reader that has seen enough, such as `head`, is no failure: the rest is not printed, but files are written all the same. Where
 * results can't be printed for another reason, they would be lost. */
function onUnprinted(error: Error): void {
  const code = errorCode(error)
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') return
  note(`iba: Can't write to standard output: ${fileReason(error)}`)
  process.exit(exitCodes.failed)
}

process.stdout.on('error', onUnprinted)
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2))
