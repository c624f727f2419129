// Files are read with the session's cookie. In a CRM frame there is no cookie, so the bytes are fetched with the bearer
// and shown from memory.
import { useWorld, type World } from '../state/world.svelte';

/** The address to show a file from; undefined while the bytes are under way in a CRM frame. */
export class MediaSource {
  #address = $state<string>();

  constructor(url: () => string | undefined) {
    const world = useWorld();
    $effect(() => {
      const source = url();
      if (!source || !world.needsBearer) {
        this.#address = source;
        return;
      }
      const stop = new AbortController();
      let made: string | undefined;
      world.api
        .send(source, { signal: stop.signal })
        .then((response) => (response.ok ? response.blob() : undefined))
        .then((blob) => {
          if (blob && !stop.signal.aborted) this.#address = made = URL.createObjectURL(blob);
        })
        .catch(() => undefined);
      return () => {
        stop.abort();
        if (made) URL.revokeObjectURL(made);
      };
    });
  }

  get address(): string | undefined {
    return this.#address;
  }
}

/** Saves a file on the reader's machine, from a CRM frame as well. */
export async function saveFile(world: World, url: string, name: string): Promise<void> {
  const response = await world.api.send(url);
  if (!response.ok) throw new Error('the file cannot be read');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
