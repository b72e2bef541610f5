import { escapeXml } from './svg.js'

/** As much of a document as a library that draws needs to make an SVG picture without a browser: elements with
 * attributes, styles and text, and their markup. Nothing can be looked up in it and nothing happens in it. */
export function svgDocument(): object {
  const document = {
    documentElement: undefined as SvgElement | undefined,
    createElement: (name: string) => new SvgElement(name, xhtml, document),
    createElementNS: (space: string, name: string) => new SvgElement(name, space, document),
    createTextNode: (text: unknown) => new Text(String(text)),
  }
  document.documentElement = document.createElement('html')
  return document
}

const xhtml = 'http://www.w3.org/1999/xhtml'

class Text {
  readonly nodeType = 3
  parentNode: SvgElement | null = null
  readonly textContent: string

  constructor(text: string) {
    this.textContent = text
  }

  get outerHTML(): string {
    return escapeXml(this.textContent)
  }
}

type Child = SvgElement | Text

class SvgElement {
  readonly nodeType = 1
  readonly tagName: string
  readonly namespaceURI: string
  readonly ownerDocument: object
  readonly style = new Style()
  parentNode: SvgElement | null = null
  childNodes: Child[] = []
  readonly #attributes = new Map<string, string>()

  constructor(name: string, space: string, document: object) {
    this.tagName = name
    this.namespaceURI = space
    this.ownerDocument = document
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value))
  }

  setAttributeNS(_: string, name: string, value: unknown): void {
    this.setAttribute(name, value)
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name)
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name)
  }

  appendChild<T extends Child>(child: T): T {
    return this.insertBefore(child, null)
  }

  append(...children: (Child | string)[]): void {
    for (const child of children) this.appendChild(typeof child === 'string' ? new Text(child) : child)
  }

  insertBefore<T extends Child>(child: T, next: Child | null): T {
    child.parentNode?.removeChild(child)
    const place = next === null ? this.childNodes.length : this.childNodes.indexOf(next)
    this.childNodes.splice(place, 0, child)
    child.parentNode = this
    return child
  }

  removeChild<T extends Child>(child: T): T {
    this.childNodes = this.childNodes.filter(each => each !== child)
    child.parentNode = null
    return child
  }

  remove(): void {
    this.parentNode?.removeChild(this)
  }

  get firstChild(): Child | null {
    return this.childNodes[0] ?? null
  }

  get textContent(): string {
    return this.childNodes.map(child => child.textContent).join('')
  }

  set textContent(text: unknown) {
    this.childNodes = []
    if (text !== null && text !== '') this.append(String(text))
  }

  addEventListener(): void {}

  get outerHTML(): string {
    const style = this.style.toText()
    const attributes = [...this.#attributes, ...(style ? [['style', style] as const] : [])]
    const words = [this.tagName, ...attributes.map(([name, value]) => `${name}="${escapeXml(value)}"`)]
    const content = this.childNodes.map(child => child.outerHTML).join('')
    return `<${words.join(' ')}${content ? `>${content}</${this.tagName}>` : '/>'}`
  }
}

/** Properties are set by their names in CSS or, as of an object, in JavaScript. */
class Style {
  setProperty(name: string, value: unknown): void {
    Object.assign(this, { [name]: value })
  }

  removeProperty(name: string): void {
    delete (this as Record<string, unknown>)[name]
  }

  toText(): string {
    const entries = Object.entries(this as Record<string, unknown>)
    return entries.map(([name, value]) => `${name.replace(/[A-Z]/g, '-$&').toLowerCase()}:${value}`).join(';')
  }
}
