// The address bar: the path names the screen, the back button and gesture work.

class Route {
  #path = $state(typeof location === 'undefined' ? '/' : location.pathname);

  constructor() {
    if (typeof window !== 'undefined') addEventListener('popstate', () => (this.#path = location.pathname));
  }

  get path(): string {
    return this.#path;
  }

  /** The parts of the path: `/chats/7` is chats, 7. */
  get parts(): string[] {
    return this.#path.split('/').filter(Boolean).map(decodeURIComponent);
  }

  go(path: string): void {
    if (path === this.#path) return;
    history.pushState({ inside: true }, '', path);
    this.#path = path;
  }

  replace(path: string): void {
    history.replaceState(history.state, '', path);
    this.#path = path;
  }

  /** Back where that stays inside the app, else to the given path. */
  back(otherwise: string): void {
    if ((history.state as { inside?: boolean } | null)?.inside) history.back();
    else this.replace(otherwise);
  }
}

export const route = new Route();

/** The one-time token of a link: the last part of the path, the fragment, or `token` in the query. */
export function linkToken(place: Pick<Location, 'pathname' | 'search' | 'hash'>): string {
  const parts = place.pathname.split('/').filter(Boolean);
  return parts[1] ?? new URLSearchParams(place.search).get('token') ?? place.hash.slice(1).replace(/^token=/, '');
}
