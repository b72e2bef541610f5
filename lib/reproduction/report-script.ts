/** What the report does by itself: it sorts a table by the column whose heading is pressed, and shows the lines of one
 * method where its name is pressed. The page holds it as text. */
export const reportScript = `
const valueOf = (row, column) => {
  const { value } = row.cells[column].dataset
  return value === undefined || value === '' ? undefined : Number.isNaN(Number(value)) ? value : Number(value)
}
const compare = (a, b) => (typeof a === 'string' ? a.localeCompare(b) : a - b)
for (const table of document.querySelectorAll('table')) {
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells]
  headings.forEach((heading, column) => heading.querySelector('button').addEventListener('click', () => {
    const isDown = heading.getAttribute('aria-sort') === 'descending' ||
      (heading.getAttribute('aria-sort') === null && heading.dataset.first === 'ascending')
    for (const other of headings) other.removeAttribute('aria-sort')
    heading.setAttribute('aria-sort', isDown ? 'ascending' : 'descending')
    const rows = [...table.tBodies[0].rows]
    rows.sort((first, second) => {
      const [a, b] = [valueOf(first, column), valueOf(second, column)]
      // What wasn't measured stays below.
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined)
      return isDown ? compare(a, b) : compare(b, a)
    })
    table.tBodies[0].append(...rows)
  }))
}
for (const button of document.querySelectorAll('.legend button')) {
  button.addEventListener('click', () => {
    const section = button.closest('article')
    const isOn = button.getAttribute('aria-pressed') !== 'true'
    for (const other of section.querySelectorAll('.legend button')) other.setAttribute('aria-pressed', 'false')
    button.setAttribute('aria-pressed', String(isOn))
    for (const line of section.querySelectorAll('figure svg g[aria-label]')) {
      const isLine = [...section.querySelectorAll('.legend button')].some(
        other => other.textContent === line.getAttribute('aria-label'),
      )
      if (isLine) line.style.opacity = isOn && line.getAttribute('aria-label') !== button.textContent ? 0.1 : 1
    }
  })
}
`
