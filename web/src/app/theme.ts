// Light, dark, or as the system says.

export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'switchboard.theme';

export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(storageKey);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}

export function chooseTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(storageKey, theme);
  } catch {
    // Storage may be closed; the choice then lasts until the reload.
  }
}
