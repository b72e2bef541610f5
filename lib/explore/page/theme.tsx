import { useEffect, useState } from 'preact/hooks'

type Theme = 'light' | 'dark'

const key = 'iba-theme'

/** Light or dark: as the system is until the reader chooses, which is kept. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(kept)
  useEffect(() => {
    document.documentElement.dataset.theme = theme
  }, [theme])
  return (
    <button
      type="button"
      class="quiet icon"
      aria-pressed={theme === 'dark'}
      aria-label="Dark"
      title={theme === 'dark' ? 'Light' : 'Dark'}
      onClick={() => {
        const other = theme === 'dark' ? 'light' : 'dark'
        localStorage.setItem(key, other)
        setTheme(other)
      }}
    >
      <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
        <circle cx="12" cy="12" r="8" />
        <path class="half" d="M12 4a8 8 0 0 1 0 16z" />
      </svg>
    </button>
  )
}

function kept(): Theme {
  const given = localStorage.getItem(key)
  if (given === 'light' || given === 'dark') return given
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
}
