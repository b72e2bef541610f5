/** The colours of a page by day. */
export const lightColors = '--ground: #f6f6f4; --card: #fff; --ink: #1d1d1f; --soft: #6a6a70; --line: #e3e3e0'

/** The same by night. */
export const darkColors =
  '--ground: #151517; --card: #202024; --ink: #ececee; --soft: #a0a0a8; --line: #36363c'

/** What all pages look like. */
export const pageStyle = `
:root { ${lightColors} }
@media (prefers-color-scheme: dark) {
  :root { ${darkColors} }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; padding: 2rem clamp(.75rem, 3vw, 2rem); max-width: 90rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif
}
header { max-width: 44rem; margin-bottom: 2rem }
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2 }
header p { margin: 0; color: var(--soft); white-space: pre-line }
article { padding: 1.25rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); min-width: 0 }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; overflow-wrap: anywhere }
img { display: block; border-radius: 6px }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 1rem 0 0 }
dt { color: var(--soft); font-size: .8rem }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; white-space: pre-line }
@media (max-width: 40rem) {
  body { padding-top: 1.25rem }
  article { padding: 1rem }
}
@media print { article { break-inside: avoid } }
`
