type Labels = Readonly<Record<string, string>>

/** Numbers in the text format of Prometheus. */
export class Metrics {
  readonly #families: Family[] = []

  counter(name: string, help: string): Counter {
    return this.#add(new Counter(name, 'counter', help))
  }

  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#add(new Histogram(name, help, bounds))
  }

  /** What is read as it is asked for. */
  gauge(name: string, help: string, read: () => readonly (readonly [Labels, number])[]): void {
    this.#add(new Gauge(name, help, read))
  }

  text(): string {
    return `${this.#families.flatMap(family => family.lines()).join('\n')}\n`
  }

  #add<Kind extends Family>(family: Kind): Kind {
    this.#families.push(family)
    return family
  }
}

abstract class Family {
  readonly name: string
  readonly #type: string
  readonly #help: string

  constructor(name: string, type: string, help: string) {
    this.name = name
    this.#type = type
    this.#help = help
  }

  lines(): string[] {
    return [`# HELP ${this.name} ${this.#help}`, `# TYPE ${this.name} ${this.#type}`, ...this.samples()]
  }

  protected abstract samples(): string[]
}

/** A number that grows. */
export class Counter extends Family {
  readonly #values = new Map<string, number>()

  add(labels: Labels, amount = 1): void {
    const key = labelText(labels)
    this.#values.set(key, (this.#values.get(key) ?? 0) + amount)
  }

  protected samples(): string[] {
    return [...this.#values].map(([labels, value]) => `${this.name}${labels} ${value}`)
  }
}

class Gauge extends Family {
  readonly #read: () => readonly (readonly [Labels, number])[]

  constructor(name: string, help: string, read: () => readonly (readonly [Labels, number])[]) {
    super(name, 'gauge', help)
    this.#read = read
  }

  protected samples(): string[] {
    return this.#read().map(([labels, value]) => `${this.name}${labelText(labels)} ${value}`)
  }
}

interface Distribution {
  labels: Labels
  counts: number[]
  sum: number
}

/** How often values were no greater than some bounds. */
export class Histogram extends Family {
  readonly #bounds: readonly number[]
  readonly #values = new Map<string, Distribution>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    super(name, 'histogram', help)
    this.#bounds = bounds
  }

  observe(labels: Labels, value: number): void {
    const key = labelText(labels)
    const found = this.#values.get(key) ?? { labels, counts: Array(this.#bounds.length + 1).fill(0), sum: 0 }
    this.#values.set(key, found)
    const place = this.#bounds.findIndex(bound => value <= bound)
    found.counts[place < 0 ? this.#bounds.length : place]! += 1
    found.sum += value
  }

  protected samples(): string[] {
    return [...this.#values.values()].flatMap(({ labels, counts, sum }) => {
      let total = 0
      const buckets = counts.map((count, i) => {
        total += count
        const le = String(this.#bounds[i] ?? '+Inf')
        return `${this.name}_bucket${labelText({ ...labels, le })} ${total}`
      })
      const own = labelText(labels)
      return [...buckets, `${this.name}_sum${own} ${sum}`, `${this.name}_count${own} ${total}`]
    })
  }
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
