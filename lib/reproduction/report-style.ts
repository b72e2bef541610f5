/** What the report looks like, on top of what all pages look like. */
export const reportStyle = `
main { display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 1fr) }
.scroll { overflow-x: auto; margin: 0 -1.25rem; padding: 0 1.25rem }
table { width: 100% }
th, td { padding: .4rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child { text-align: left; position: sticky; left: -1.25rem; padding-left: 1.25rem; background: var(--card); font-weight: 600 }
thead th { vertical-align: bottom; font-weight: 600; white-space: normal; min-width: 5.5rem }
td small { display: block; color: var(--soft); font-size: .75rem }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit }
th[aria-sort=ascending] button::after { content: ' ▴' }
th[aria-sort=descending] button::after { content: ' ▾' }
.legend { display: flex; flex-wrap: wrap; gap: .35rem 1rem; margin-bottom: 1rem; font-size: .85rem }
.legend button { display: inline-flex; align-items: center; gap: .4rem; border-radius: 4px; padding: .1rem .3rem }
.legend button[aria-pressed=true] { background: var(--line) }
.charts { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)) }
figure > svg { width: 100%; height: auto; display: block }
.maps { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(45%, 8.5rem), 1fr)); margin-bottom: 1.5rem }
.maps img { width: 100%; height: auto }
h3 { margin: 1rem 0 0; font-size: .95rem }
ul { margin: 0; padding-left: 1.2rem }
@media (max-width: 40rem) { .scroll { margin: 0 -1rem; padding: 0 1rem } th:first-child { left: -1rem; padding-left: 1rem; white-space: normal } }
`
