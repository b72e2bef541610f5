import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import {
  type Explanation,
  type PredictedClass,
  predict,
  type Query,
  readServer,
  type Server,
  type ServerError,
} from './api.js'
import { Classes } from './classes.js'
import { MethodChoice, MethodSettings } from './controls.js'
import { type Marked, mapColors, markedOf } from './drawing.js'
import { filesOf, type ListedImage, ownImage, serverImages } from './images.js'
import { MarkedPart, PartCurves } from './marked-part.js'
import { Picker } from './picker.js'
import { Same } from './same.js'
import { Saving } from './saving.js'
import {
  type Chosen,
  commandOf,
  fromFragment,
  modelOf,
  optionsOf,
  queryOf,
  type Settings,
  toFragment,
  type View,
} from './settings.js'
import { Stage } from './stage.js'
import { Steps } from './steps.js'
import { Sweep } from './sweep.js'
import { ThemeSwitch } from './theme.js'
import { problemOf, useExplanation } from './use-explanation.js'
import { bitsText, classText, percentText } from './words.js'

/** The page. */
export function App() {
  const [server, setServer] = useState<Server>()
  const [problem, setProblem] = useState<ServerError>()
  useEffect(() => {
    readServer().then(setServer, error => setProblem(problemOf(error)))
  }, [])
  return (
    <>
      <header class="top">
        <h1>
          Explore <span>which regions a network used, and how many bits they carried</span>
        </h1>
        <a href="../docs">Routes</a>
        <ThemeSwitch />
      </header>
      {problem && <Problem problem={problem} />}
      {server && <Explore server={server} />}
    </>
  )
}

function Problem({ problem: { message, remedy } }: { problem: ServerError }) {
  return (
    <p class="problem" role="alert">
      {message} {remedy}
    </p>
  )
}

function Explore({ server }: { server: Server }) {
  const [settings, setSettings] = useState(() => fromFragment(location.hash, server))
  const [images, setImages] = useState(() => serverImages(server.images))
  const [image, setImage] = useState<ListedImage>()
  const [blob, setBlob] = useState<Blob>()
  const [problem, setProblem] = useState<ServerError>()
  const change = useCallback(
    (changed: Partial<Settings>) => setSettings(before => ({ ...before, ...changed })),
    [],
  )

  const choose = useCallback(
    (chosen: ListedImage, target?: number) => {
      setImage(chosen)
      setProblem(undefined)
      change({ image: chosen.name, target })
      chosen.read().then(setBlob, error => setProblem(problemOf(error)))
    },
    [change],
  )
  const take = useCallback(
    (files: File[]) => {
      const own = files.map(ownImage)
      if (own.length === 0) return
      setImages(before => [...own, ...before.filter(({ name }) => !own.some(each => each.name === name))])
      choose(own[0]!)
    },
    [choose],
  )
  // The image of a link is shown at once.
  useEffect(() => {
    const linked = images.find(({ name }) => name === settings.image)
    if (linked) choose(linked, settings.target)
  }, [])
  useEffect(() => {
    if (image) history.replaceState(null, '', toFragment(settings))
  }, [settings, image])
  useEffect(() => {
    const onLink = () => setSettings(fromFragment(location.hash, server))
    addEventListener('hashchange', onLink)
    return () => removeEventListener('hashchange', onLink)
  }, [server])
  const isDropping = useFiles(take)

  return (
    <main class={isDropping ? 'dropping' : ''}>
      <Picker images={images} chosen={image} onChoose={choose} onFiles={take} />
      {problem && <Problem problem={problem} />}
      {image && blob && (
        <Explained server={server} settings={settings} image={image} blob={blob} onChange={change} />
      )}
    </main>
  )
}

/** Takes files that are dropped anywhere or pasted; whether some are held over the page. */
function useFiles(take: (files: File[]) => void): boolean {
  const [isDropping, setDropping] = useState(false)
  useEffect(() => {
    const onDrag = (event: DragEvent) => {
      event.preventDefault()
      setDropping(event.type === 'dragover')
    }
    const onDrop = (event: DragEvent) => {
      event.preventDefault()
      setDropping(false)
      take(filesOf(event.dataTransfer))
    }
    const onPaste = (event: ClipboardEvent) => take(filesOf(event.clipboardData))
    addEventListener('dragover', onDrag)
    addEventListener('dragleave', onDrag)
    addEventListener('drop', onDrop)
    addEventListener('paste', onPaste)
    return () => {
      removeEventListener('dragover', onDrag)
      removeEventListener('dragleave', onDrag)
      removeEventListener('drop', onDrop)
      removeEventListener('paste', onPaste)
    }
  }, [take])
  return isDropping
}

interface ExplainedProps {
  server: Server
  settings: Settings
  image: ListedImage
  blob: Blob
  onChange: (changed: Partial<Settings>) => void
}

function Explained({ server, settings, image, blob, onChange }: ExplainedProps) {
  const { against, view } = settings
  const model = modelOf(server, settings.model)
  const classes = useClasses(blob, settings.model)
  // Without a class the server takes the predicted one, which doesn't have to be waited for.
  const first = useExplanation(blob, queryOf(settings, settings.target), quickQuery(server, settings))
  const found = first.explanation?.target
  const target = settings.target ?? (typeof found === 'number' ? found : classes?.[0]?.class)
  const sameClasses = against === undefined || modelOf(server, against.model).classes === model.classes
  const otherTarget = sameClasses ? target : undefined
  const second = useExplanation(
    against && blob,
    against && queryOf(against, otherTarget),
    against && quickQuery(server, against),
  )
  const [step, setStep] = useState<number>()
  const { explanation, problem } = first
  useEffect(() => setStep(undefined), [explanation])
  const marked = useMemo(
    () => (explanation && view.marked > 0 ? markedOf(explanation.map, view.marked / 100) : undefined),
    [explanation, view.marked],
  )
  const setView = (changed: Partial<View>) => onChange({ view: { ...view, ...changed } })
  // Another network may have other classes.
  const setChosen = (chosen: Chosen) =>
    onChange(chosen.model === settings.model ? chosen : { ...chosen, target: undefined })
  const name = target === undefined ? 'the target' : classText(target, model.classNames)
  const hasBeta = optionsOf(server, settings.method).some(option => option.name === 'beta')
  const hasCrossEntropy = explanation?.steps.at(-1)?.crossEntropy !== undefined
  const isFinal = explanation !== undefined && first.draft === undefined
  const parts = isFinal &&
    target !== undefined && {
      image: blob,
      explanation,
      model: settings.model,
      target,
      names: model.classNames,
    }
  return (
    <>
      <div class="columns">
        <div class="main">
          <article class="shown">
            <Facts
              name={name}
              explanation={explanation}
              isOther={first.draft !== undefined && 'by' in first.draft}
              marked={marked}
            />
            {explanation ? (
              <Stage
                first={explanation}
                second={second.explanation}
                names={[labelOf(settings, server), against ? labelOf(against, server) : '']}
                step={step}
                marked={marked}
                view={view}
                draft={first.draft}
                progress={first.progress ?? second.progress}
              />
            ) : (
              <div class="picture empty" style={{ aspectRatio: `${model.width} / ${model.height}` }}>
                {!problem && <span class="waiting">Explaining…</span>}
              </div>
            )}
            {problem && <Problem problem={problem} />}
            {second.problem && <Problem problem={second.problem} />}
            <ViewControls view={view} onChange={setView} />
          </article>
          <article class="compare">
            <h2>Compare</h2>
            {against ? (
              <>
                <MethodChoice
                  label="Second"
                  server={server}
                  chosen={against}
                  onChange={against => onChange({ against })}
                />
                <MethodSettings
                  server={server}
                  chosen={against}
                  onChange={against => onChange({ against })}
                />
                <button type="button" class="quiet" onClick={() => onChange({ against: undefined })}>
                  End the comparison
                </button>
              </>
            ) : (
              <>
                <p class="note">
                  Another method, other settings{server.models.length > 1 ? ' or another network' : ''}, with
                  a wiper between them.
                </p>
                <button type="button" onClick={() => onChange({ against: otherThan(settings, server) })}>
                  Compare with another
                </button>
              </>
            )}
          </article>
        </div>
        <div class="side">
          <article>
            <h2>Recognised</h2>
            {classes ? (
              <Classes
                classes={classes}
                names={model.classNames}
                count={model.outputKind === 'classes' ? model.classes : classes.length}
                chosen={target}
                onChoose={target => onChange({ target })}
              />
            ) : (
              <p class="waiting">Asking the network…</p>
            )}
          </article>
          <article>
            <h2>How it is explained</h2>
            <MethodChoice
              label={against ? 'First' : ''}
              server={server}
              chosen={settings}
              onChange={setChosen}
            />
            <MethodSettings server={server} chosen={settings} onChange={setChosen} />
          </article>
        </div>
      </div>
      {explanation && (
        <div class="more-views">
          {parts && model.outputKind === 'classes' && (
            <>
              <article>
                <h2>The marked part</h2>
                {marked ? (
                  <MarkedPart marked={marked} {...parts} />
                ) : (
                  <>
                    <p class="note">
                      What does the network recognise in the strongest part alone, and what without it?
                    </p>
                    <button type="button" onClick={() => setView({ marked: 10 })}>
                      Mark the strongest 10 %
                    </button>
                  </>
                )}
              </article>
              <article>
                <h2>Putting in and removing</h2>
                <PartCurves marked={marked} {...parts} />
              </article>
            </>
          )}
          {(explanation.stepMaps.length > 1 || hasCrossEntropy) && (
            <article>
              <h2>Step by step</h2>
              <Steps explanation={explanation} step={step} onStep={setStep} />
            </article>
          )}
          {hasBeta && hasCrossEntropy && target !== undefined && (
            <article>
              <h2>Bits and certainty</h2>
              <Sweep
                image={blob}
                chosen={settings}
                target={target}
                name={name}
                onChoose={beta => onChange({ options: { ...settings.options, beta } })}
              />
            </article>
          )}
          <article>
            <h2>The same elsewhere</h2>
            <Same
              server={server}
              maps={[
                { chosen: settings, target },
                ...(against ? [{ chosen: against, target: otherTarget }] : []),
              ]}
              image={image.name}
            />
          </article>
          {isFinal && (
            <article>
              <h2>Save</h2>
              <Saving
                image={blob}
                name={image.name}
                explanation={explanation}
                marked={marked}
                view={view}
                title={`${name} – ${labelOf(settings, server)}`}
                query={queryOf(settings, target)}
                command={commandOf(settings, target, image.name, server)}
              />
            </article>
          )}
        </div>
      )}
    </>
  )
}

/** The classes that the network recognises. */
function useClasses(image: Blob, model: string): readonly PredictedClass[] | undefined {
  const [classes, setClasses] = useState<readonly PredictedClass[]>()
  useEffect(() => {
    const controller = new AbortController()
    setClasses(undefined)
    predict(image, { model, top: '5' }, controller.signal).then(setClasses, () => {
      if (!controller.signal.aborted) setClasses([])
    })
    return () => controller.abort()
  }, [image, model])
  return classes
}

interface FactsProps {
  name: string
  explanation: Explanation | undefined
  /** Whether it is a draft by another method. */
  isOther: boolean
  marked: Marked | undefined
}

/** What is explained, and what there is to say of it in numbers so far; of a draft by another method only what holds for the whole map
 * too. */
function Facts({ name, explanation, isOther, marked }: FactsProps) {
  const facts: [string, string][] = []
  if (explanation) {
    const { bits, probability, seconds } = explanation
    if (probability !== null) facts.push(['probability', percentText(probability)])
    if (bits !== null) facts.push(['bits', isOther ? '…' : bitsText(bits)])
    facts.push(['seconds', isOther || seconds === undefined ? '…' : seconds.toFixed(seconds < 10 ? 2 : 0)])
    if (marked)
      facts.push([`in the marked ${percentText(marked.share)}`, `${percentText(marked.part)} of the map`])
  }
  return (
    <div class="facts">
      <h2>Why {name}?</h2>
      <dl>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}

function ViewControls({ view, onChange }: { view: View; onChange: (changed: Partial<View>) => void }) {
  return (
    <div class="view">
      <fieldset class="segments">
        <legend>Colours</legend>
        {mapColors.map(({ name, title }) => (
          <label key={name}>
            <input
              type="radio"
              name="colors"
              checked={view.colors === name}
              onChange={() => onChange({ colors: name })}
            />
            <span>{title}</span>
          </label>
        ))}
      </fieldset>
      <ViewSlider
        id="opacity"
        title="Opacity"
        value={view.opacity}
        onInput={opacity => onChange({ opacity })}
      />
      <ViewSlider
        id="marked"
        title="Mark the strongest"
        value={view.marked}
        onInput={marked => onChange({ marked })}
      />
    </div>
  )
}

function ViewSlider(props: { id: string; title: string; value: number; onInput: (value: number) => void }) {
  const { id, title, value, onInput } = props
  return (
    <div class="slider">
      <label for={id}>{title}</label>
      <output for={id}>{value} %</output>
      <input
        id={id}
        type="range"
        min={0}
        max={100}
        value={value}
        onInput={({ currentTarget }) => onInput(Number(currentTarget.value))}
      />
    </div>
  )
}

function labelOf({ model, method, options }: Chosen, server: Server): string {
  const changed = Object.entries(options).map(([name, value]) => `${name} ${value}`)
  const words = [server.models.length > 1 ? `${model}, ${method}` : method, ...changed]
  return words.join(', ')
}

/** What comes before the first map of an image where that takes many passes: a readout's takes one, and is in bits as well. */
function quickQuery(server: Server, { model, method }: Chosen): Query | undefined {
  const takesLong = optionsOf(server, method).some(({ name }) => name === 'copies')
  if (!takesLong || !modelOf(server, model).methods.includes('readout')) return undefined
  return { model, method: 'readout' }
}

/** What a map is compared with at first: another network where there is one, or else another method. */
function otherThan({ model, method, options }: Settings, server: Server): Chosen {
  const other = server.models.find(({ name }) => name !== model)
  if (other)
    return {
      model: other.name,
      method: other.methods.includes(method) ? method : other.defaultMethod,
      options: {},
    }
  const { methods } = modelOf(server, model)
  const next = ['readout', 'grad-cam', 'per-sample'].find(name => name !== method && methods.includes(name))
  return { model, method: next ?? method, options: next ? {} : options }
}
