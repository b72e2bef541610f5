/** The parts of OpenTelemetry's API that are used here. */
interface OpenTelemetry {
  trace: { getTracer(name: string): Tracer }
}

interface Tracer {
  startActiveSpan<Result>(
    name: string,
    options: { attributes: Attributes },
    work: (span: Span) => Promise<Result>,
  ): Promise<Result>
}

type Attributes = Readonly<Record<string, string | number>>

/** What is known of a piece of work once it is done. */
export interface Span {
  setAttributes(attributes: Attributes): unknown
  recordException(error: Error): void
  setStatus(status: { code: number }): unknown
  end(): void
}

const failed = 2
let api: Promise<OpenTelemetry | undefined> | undefined

/** Does a piece of work within a span, where the program that the server runs in has OpenTelemetry. */
export async function withSpan<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Pick<Span, 'setAttributes'>) => Promise<Result>,
): Promise<Result> {
  api ??= openTelemetry()
  const tracing = await api
  if (tracing === undefined) return await work({ setAttributes: () => undefined })
  return await tracing.trace
    .getTracer('attribution-bottleneck')
    .startActiveSpan(name, { attributes }, async span => {
      try {
        return await work(span)
      } catch (error) {
        span.recordException(error as Error)
        span.setStatus({ code: failed })
        throw error
      } finally {
        span.end()
      }
    })
}

/** It is an optional peer: absent where nobody traces. Asked for at the first piece of work, since `require` takes no module that
 * waits as it loads. */
async function openTelemetry(): Promise<OpenTelemetry | undefined> {
  const name: string = '@opentelemetry/api'
  try {
    return (await import(name)) as OpenTelemetry
  } catch {
    return undefined
  }
}
