import { type Attributes, ProxyTracerProvider, type Span, trace } from '@opentelemetry/api'
import test from 'ava'
import { picture, post, startServer } from '../support/server.js'

test('where the host traces, a request is a span, and says what took how long', async t => {
  const spans: { name: string; attributes: Attributes; failed: boolean; ended: boolean }[] = []
  const startActiveSpan = (
    name: string,
    options: { attributes: Attributes },
    work: (span: Span) => unknown,
  ) => {
    const record = { name, attributes: { ...options.attributes }, failed: false, ended: false }
    spans.push(record)
    return work({
      setAttributes: (more: Attributes) => Object.assign(record.attributes, more),
      recordException: () => {
        record.failed = true
      },
      setStatus: () => undefined,
      end: () => {
        record.ended = true
      },
    } as unknown as Span)
  }
  const provider = new ProxyTracerProvider()
  provider.setDelegate({ getTracer: () => ({ startActiveSpan }) } as never)
  trace.setGlobalTracerProvider(provider)
  const server = await startServer()
  t.teardown(server.close)
  await post(`${server.url}/v1/attribute?method=gradient`, await picture())
  await post(`${server.url}/v1/attribute?method=gradient`, 'no image')
  t.deepEqual(
    spans.map(({ name, failed, ended }) => [name, failed, ended]),
    [
      ['iba explain', false, true],
      ['iba explain', true, true],
    ],
  )
  t.like(spans[0]!.attributes, { 'iba.model': 'small', 'iba.method': 'gradient', 'iba.passes': 1 })
  t.is(typeof spans[0]!.attributes['iba.seconds.explaining'], 'number')
})
