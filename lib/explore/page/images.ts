import { useState } from 'preact/hooks'
import { readListedImage } from './api.js'

/** An image of the list: of the server, or one that was dropped, pasted or chosen. */
export interface ListedImage {
  name: string
  /** Address of a small picture of it. */
  thumbnail: string
  read: () => Promise<Blob>
}

/** The images that the server lists. */
export function serverImages(names: readonly string[]): ListedImage[] {
  return names.map((name, index) => ({
    name,
    thumbnail: `thumbnails/${index}`,
    read: () => readListedImage(index),
  }))
}

/** An image that came from the reader. */
export function ownImage(file: File): ListedImage {
  return { name: file.name || 'pasted image', thumbnail: URL.createObjectURL(file), read: async () => file }
}

/** The images of what was dropped or pasted. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter(({ type }) => type.startsWith('image/') || type === '')
}

/** A copy of what can be copied to the clipboard, and whether it was just now. */
export function useCopied(): [isCopied: boolean, copy: (text: string) => void] {
  const [isCopied, setCopied] = useState(false)
  const copy = (text: string) => {
    navigator.clipboard.writeText(text).then(
      () => {
        setCopied(true)
        setTimeout(() => setCopied(false), 1600)
      },
      () => setCopied(false),
    )
  }
  return [isCopied, copy]
}
