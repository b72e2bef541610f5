const patience = 120_000

/** Waits until something holds.
 * @throws Error it doesn't within two minutes */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now()
  while (!(await holds())) {
    if (performance.now() - started > patience) throw new Error(`Not within two minutes: ${holds}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
