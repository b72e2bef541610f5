import { useId } from 'preact/hooks'
import type { OptionDescription, Server } from './api.js'
import { type Chosen, modelOf, optionsOf, settingOf, withOption } from './settings.js'

interface ControlProps {
  server: Server
  chosen: Chosen
  onChange: (chosen: Chosen) => void
}

/** Which network, and which method. */
export function MethodChoice({ server, chosen, onChange, label }: ControlProps & { label: string }) {
  const id = useId()
  const model = modelOf(server, chosen.model)
  return (
    <div class="fields">
      {server.models.length > 1 && (
        <p class="field">
          <label for={`${id}model`}>{titled(label, 'network')}</label>
          <select
            id={`${id}model`}
            value={chosen.model}
            onChange={({ currentTarget: { value } }) => {
              const { methods, defaultMethod } = modelOf(server, value)
              const method = methods.includes(chosen.method) ? chosen.method : defaultMethod
              onChange({
                model: value,
                method,
                options: method === chosen.method ? withoutLayer(chosen) : {},
              })
            }}
          >
            {server.models.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </p>
      )}
      <p class="field">
        <label for={`${id}method`}>{titled(label, 'method')}</label>
        <select
          id={`${id}method`}
          value={chosen.method}
          onChange={({ currentTarget: { value } }) => onChange({ ...chosen, method: value, options: {} })}
        >
          {model.methods.map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </p>
    </div>
  )
}

function titled(label: string, what: string): string {
  return label === '' ? `${what[0]!.toUpperCase()}${what.slice(1)}` : `${label} ${what}`
}

/** A layer belongs to its network. */
function withoutLayer({ options }: Chosen): Chosen['options'] {
  const { layer: _, ...others } = options
  return others
}

interface Range {
  title: string
  from: number
  to: number
  step: number
  isLogarithmic?: boolean
}

/** Options that are worth a slider. */
const sliders: Readonly<Record<string, Range>> = {
  beta: { title: 'Price of a bit, β', from: -1, to: 3, step: 0.05, isLogarithmic: true },
  steps: { title: 'Steps', from: 1, to: 50, step: 1 },
  copies: { title: 'Copies', from: 1, to: 40, step: 1 },
  sigma: { title: 'Smoothing, σ', from: 0, to: 5, step: 0.1 },
  samples: { title: 'Samples', from: 1, to: 100, step: 1 },
  noise: { title: 'Noise', from: 0, to: 1, step: 0.01 },
}

/** The settings of a method: sliders for those that change what is seen, the layer, and all others below. */
export function MethodSettings({ server, chosen, onChange }: ControlProps) {
  const options = optionsOf(server, chosen.method)
  const layer = options.find(({ name }) => name === 'layer')
  const withSliders = options.filter(({ name }) => name in sliders)
  const others = options.filter(option => option !== layer && !(option.name in sliders))
  const isChanged = Object.keys(chosen.options).length > 0
  return (
    <>
      {withSliders.map(option => (
        <Slider key={option.name} option={option} chosen={chosen} onChange={onChange} />
      ))}
      {layer && <LayerChoice server={server} chosen={chosen} onChange={onChange} option={layer} />}
      {others.length > 0 && (
        <details class="more">
          <summary>More settings</summary>
          {others.map(option => (
            <OptionField key={option.name} option={option} chosen={chosen} onChange={onChange} />
          ))}
        </details>
      )}
      {isChanged && (
        <button type="button" class="quiet" onClick={() => onChange({ ...chosen, options: {} })}>
          Back to the defaults
        </button>
      )}
    </>
  )
}

interface OptionProps {
  option: OptionDescription
  chosen: Chosen
  onChange: (chosen: Chosen) => void
}

function Slider({ option, chosen, onChange }: OptionProps) {
  const id = useId()
  const { title, from, to, step, isLogarithmic = false } = sliders[option.name]!
  const value = Number(settingOf(chosen, option))
  const text = value.toLocaleString('en', { maximumSignificantDigits: 3 })
  const onInput = (given: number) => {
    const next = isLogarithmic ? Number((10 ** given).toPrecision(2)) : given
    onChange(withOption(chosen, option, String(next)))
  }
  return (
    <div class="slider">
      <label for={id} title={option.summary}>
        {title}
      </label>
      <output for={id}>{text}</output>
      <input
        id={id}
        type="range"
        min={from}
        max={to}
        step={step}
        value={isLogarithmic ? Math.log10(Math.max(value, 10 ** from)) : value}
        aria-valuetext={text}
        onInput={({ currentTarget }) => onInput(Number(currentTarget.value))}
      />
    </div>
  )
}

function LayerChoice({ server, option, chosen, onChange }: OptionProps & { server: Server }) {
  const id = useId()
  const layers = server.layers[chosen.model]?.[chosen.method] ?? []
  if (layers.length === 0) return null
  const { needs } = server.methods.find(({ name }) => name === chosen.method)!
  const { bottleneckLayer } = modelOf(server, chosen.model)
  const own = needs.includes('statistics') ? ` (${bottleneckLayer})` : ''
  return (
    <p class="field">
      <label for={id}>Layer</label>
      <select
        id={id}
        value={settingOf(chosen, option)}
        onChange={({ currentTarget: { value } }) => onChange(withOption(chosen, option, value))}
      >
        <option value="">the method’s own{own}</option>
        {layers.map(name => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </p>
  )
}

function OptionField({ option, chosen, onChange }: OptionProps) {
  const id = useId()
  const { name, form, choices = [], minimum, maximum, summary } = option
  const value = settingOf(chosen, option)
  const set = (text: string) => onChange(withOption(chosen, option, text))
  const words = form === 'flag' ? ['false', 'true'] : choices
  return (
    <p class="field">
      <label for={id}>{name}</label>
      {words.length > 0 ? (
        <select id={id} value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
          {option.defaults.iba === null && <option value="">as the method has it</option>}
          {words.map(choice => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : form === 'number' || form === 'whole' ? (
        <input
          id={id}
          type="number"
          step={form === 'whole' ? 1 : 'any'}
          {...(minimum !== undefined && { min: minimum })}
          {...(maximum !== undefined && { max: maximum })}
          value={value}
          onChange={({ currentTarget }) => set(currentTarget.value)}
        />
      ) : (
        <input id={id} type="text" value={value} onChange={({ currentTarget }) => set(currentTarget.value)} />
      )}
      <small>{summary}</small>
    </p>
  )
}
