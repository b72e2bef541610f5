/** Text that is safe between tags and in attributes, of SVG and of HTML. */
export function escapeXml(text: string): string {
  const safe: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
  // Other control characters than space can't stand in XML at all.
  return text
    .replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, ' ')
    .replace(/[&<>"']/g, character => safe[character]!)
}

export interface TextStyle {
  size: number
  anchor?: 'start' | 'middle' | 'end'
  weight?: 400 | 600
  color?: string
  /** Degrees clockwise. */
  turn?: number
}

/** A line of text; `x` and `y` give its start, middle or end, and its base line. */
export function text(content: string, x: number, y: number, style: TextStyle): string {
  const { size, anchor = 'start', weight = 400, color = '#333', turn = 0 } = style
  return (
    `<text x="${x}" y="${y}" font-family="Inter, Helvetica, Arial, 'DejaVu Sans', sans-serif" font-size="${size}" ` +
    `font-weight="${weight}" text-anchor="${anchor}" fill="${color}" transform="rotate(${turn} ${x} ${y})">` +
    `${escapeXml(content)}</text>`
  )
}
