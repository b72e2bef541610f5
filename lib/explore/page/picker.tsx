import { useRef } from 'preact/hooks'
import type { ListedImage } from './images.js'

export interface PickerProps {
  images: readonly ListedImage[]
  chosen: ListedImage | undefined
  onChoose: (image: ListedImage) => void
  onFiles: (files: File[]) => void
}

/** Choosing an image: those of the list, or another one. */
export function Picker({ images, chosen, onChoose, onFiles }: PickerProps) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <nav class={chosen ? 'picker' : 'picker start'} aria-label="Images">
      <input
        ref={input}
        class="hidden"
        type="file"
        accept="image/*"
        multiple
        tabIndex={-1}
        aria-label="Image files"
        onChange={({ currentTarget }) => {
          onFiles([...(currentTarget.files ?? [])])
          currentTarget.value = ''
        }}
      />
      <button type="button" class="add" onClick={() => input.current?.click()}>
        <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
          <path d="M12 5v14M5 12h14" />
        </svg>
        {chosen ? (
          <span class="hidden">Add an image</span>
        ) : (
          <>
            <b>Drop an image</b>
            <span>or paste one, or press to choose a file</span>
          </>
        )}
      </button>
      {images.length > 0 && (
        <ul>
          {images.map(image => (
            <li key={image.name}>
              <button
                type="button"
                aria-pressed={image === chosen}
                title={image.name}
                onClick={() => onChoose(image)}
              >
                <img src={image.thumbnail} alt={image.name} loading="lazy" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </nav>
  )
}
