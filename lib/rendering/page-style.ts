/** The colours of a page by day: of what lies behind, of cards, of words, of lines, and of what stands out. */
export const lightColors =
  '--ground: #f6f6f4; --card: #fff; --ink: #1d1d1f; --soft: #6a6a70; --line: #e3e3e0; ' +
  '--accent: #b8431c; --accent-soft: #b8431c1c; --second: #3f6fd0; --third: #2f8f6b; color-scheme: light'

/** The same by night. */
export const darkColors =
  '--ground: #151517; --card: #202024; --ink: #ececee; --soft: #a0a0a8; --line: #36363c; ' +
  '--accent: #f98a4b; --accent-soft: #f98a4b26; --second: #86a9f5; --third: #58c79c; color-scheme: dark'

/** What all pages look like: those that are written to files, those of the server, and that of `iba explore`. */
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
h1 { margin: 0 0 .5rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.01em }
header p { margin: 0; color: var(--soft); white-space: pre-line }
article { padding: 1.25rem; border: 1px solid var(--line); border-radius: 12px; background: var(--card); min-width: 0 }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; overflow-wrap: anywhere }
img { display: block; border-radius: 6px }
figure { margin: 0; min-width: 0 }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .85rem; line-height: 1.4; overflow-wrap: anywhere }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.75rem; margin: 1rem 0 0 }
dt { color: var(--soft); font-size: .8rem }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
a { color: inherit; text-underline-offset: .2em }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
pre {
  margin: .75rem 0 0; padding: .8rem; border-radius: 8px; background: var(--ground); font-size: .8rem; line-height: 1.5;
  white-space: pre-wrap; overflow-wrap: anywhere
}
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
.note { margin: .75rem 0 0; color: var(--soft); font-size: .9rem }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; white-space: pre-line }
@media (max-width: 40rem) {
  body { padding-top: 1.25rem }
  article { padding: 1rem }
}
@media print { article { break-inside: avoid } }
`
